// The training set as pieces to fetch over HTTP. A piece is named after its content, so whoever has
// it can check it, keep it for the next run, and ask for nothing else.
import { hash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Slice } from '../shared/contracts.ts';
import { samplesPerBlock } from '../shared/data-blocks.ts';
import type { DataManifest } from '../shared/protocol.ts';

const labelsPerBlock = 60_000;

export interface DataBlock {
  /** A view of the slice, not a copy. */
  readonly bytes: Uint8Array;
  /** The same for HTTP, compressed once and kept; undefined where that is no smaller. */
  gzipped(): Promise<Uint8Array | undefined>;
}

export interface DataBlocks {
  /** What a worker may fetch, in the order in which the pieces make up the slice. */
  readonly manifest: DataManifest;
  get(sha256: string): DataBlock | undefined;
}

/** `imageBytes`: bytes of one image. */
export function createDataBlocks(slice: Slice, imageBytes: number): DataBlocks {
  const blocks = new Map<string, DataBlock>();
  const cut = (bytes: Uint8Array, blockBytes: number): DataManifest['images'] => {
    const entries: DataManifest['images'] = [];
    for (let start = 0; start < bytes.length; start += blockBytes) {
      const block = bytes.subarray(start, start + blockBytes);
      const sha256 = hash('sha256', block);
      blocks.set(sha256, createBlock(block));
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

/** Off the event loop. Brotli takes as long and saves 5 % of MNIST more, but browsers take it over TLS alone. */
const gzipOffLoop = promisify(gzip);

export function createBlock(bytes: Uint8Array): DataBlock {
  let compressed: Promise<Uint8Array | undefined> | undefined;
  return {
    bytes,
    gzipped: () => {
      compressed ??= gzipOffLoop(bytes).then(
        (smaller) => (smaller.length < bytes.length ? smaller : undefined),
        // Without memory for it, as it is.
        () => undefined,
      );
      return compressed;
    },
  };
}
