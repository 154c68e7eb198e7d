// The training set as pieces to fetch over HTTP. A piece is named after its content, so whoever has
// it can check it, keep it for the next run, and ask for nothing else.
import { hash } from 'node:crypto';
import type { Slice } from '../shared/contracts.ts';
import { samplesPerBlock } from '../shared/data-blocks.ts';
import type { DataManifest } from '../shared/protocol.ts';

const labelsPerBlock = 60_000;

export interface DataBlocks {
  /** What a worker fetches, in the order in which the pieces make up the slice. */
  readonly manifest: DataManifest;
  /** A view of the slice, not a copy. */
  get(sha256: string): Uint8Array | undefined;
}

/** `imageBytes`: bytes of one image. */
export function createDataBlocks(slice: Slice, imageBytes: number): DataBlocks {
  const blocks = new Map<string, Uint8Array>();
  const cut = (bytes: Uint8Array, blockBytes: number): DataManifest['images'] => {
    const entries: DataManifest['images'] = [];
    for (let start = 0; start < bytes.length; start += blockBytes) {
      const block = bytes.subarray(start, start + blockBytes);
      const sha256 = hash('sha256', block);
      blocks.set(sha256, block);
      entries.push({ sha256, bytes: block.length });
    }
    return entries;
  };
  const manifest = {
    images: cut(slice.images, samplesPerBlock(slice.labels.length) * imageBytes),
    labels: cut(slice.labels, labelsPerBlock),
  };
  return { manifest, get: (sha256) => blocks.get(sha256) };
}
