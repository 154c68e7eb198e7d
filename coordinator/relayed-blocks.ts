// The training data at a relay: a block comes once from above, when the first of its workers asks for it.
import type { Slice } from '../shared/contracts.ts';
import type { DataManifest } from '../shared/protocol.ts';
import type { BlockSource } from './block-route.ts';
import { createBlock, type DataBlock } from './data-blocks.ts';

export type BlockName = DataManifest['images'][number];

export class RelayedBlocks {
  readonly #bring: (block: BlockName) => Promise<Uint8Array>;
  readonly #blocks = new Map<string, Promise<DataBlock>>();

  /** `bring` resolves to bytes that are those of the block. */
  constructor(bring: (block: BlockName) => Promise<Uint8Array>) {
    this.#bring = bring;
  }

  /** Those of a run. What came before and is not among them is forgotten. */
  of(manifest: DataManifest): BlockSource {
    const known = new Map(
      [...manifest.images, ...manifest.labels].map((block) => [block.sha256, block]),
    );
    for (const sha256 of this.#blocks.keys()) if (!known.has(sha256)) this.#blocks.delete(sha256);
    return {
      manifest,
      get: (sha256) => {
        const block = known.get(sha256);
        return block && this.#get(block);
      },
    };
  }

  /** All of them, put together. Rejects when they are not wanted any more. */
  async all({ images, labels }: DataManifest, isWanted: () => boolean): Promise<Slice> {
    return {
      images: await this.#join(images, isWanted),
      labels: await this.#join(labels, isWanted),
    };
  }

  async #join(blocks: readonly BlockName[], isWanted: () => boolean): Promise<Uint8Array> {
    const whole = new Uint8Array(blocks.reduce((sum, { bytes }) => sum + bytes, 0));
    let end = 0;
    for (const block of blocks) {
      if (!isWanted()) throw new Error('the connection that asked for them is gone');
      const { bytes } = await this.#get(block);
      whole.set(bytes, end);
      end += bytes.length;
    }
    return whole;
  }

  #get(block: BlockName): Promise<DataBlock> {
    const { sha256 } = block;
    const here = this.#blocks.get(sha256);
    if (here !== undefined) return here;
    const coming = this.#bring(block).then(createBlock);
    this.#blocks.set(sha256, coming);
    // Whoever asks next has it tried for anew.
    coming.catch(() => this.#blocks.delete(sha256));
    return coming;
  }
}
