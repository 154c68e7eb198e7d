// The training set as a worker holds it: blocks of images that come when a lease needs them, or in the background.
import type { SampleRange, Slice } from '../shared/contracts.ts';

export interface TrainingDataOptions {
  /** One class index an image. */
  readonly labels: Uint8Array;
  /** Bytes of one image. */
  readonly imageBytes: number;
  /** Images a block; the last may have fewer. */
  readonly imagesPerBlock: number;
  /**
   * Brings one block: `deliver` gets it as soon as its bytes are known to be right. Rejects when it does not come;
   * may be asked again.
   */
  readonly bring: (block: number, deliver: (images: Uint8Array) => void) => Promise<void>;
  /** Nothing more is needed: what is on its way may be given up. */
  readonly onClose?: () => void;
}

/** Blocks on their way at a time. */
const concurrentBlocks = 4;

/** Somebody waits for a block. */
interface Demand {
  readonly arrival: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class TrainingData {
  readonly #options: TrainingDataOptions;
  readonly #blocks: (Uint8Array | undefined)[];
  readonly #demands = new Map<number, Demand>();
  readonly #onTheirWay = new Set<number>();
  /** Wanted by nobody yet, in the order in which they are brought. */
  #background: number[] = [];
  #lacking: number;
  #isClosed = false;

  constructor(options: TrainingDataOptions) {
    const { labels, imagesPerBlock } = options;
    this.#options = options;
    this.#lacking = Math.ceil(labels.length / imagesPerBlock);
    this.#blocks = new Array(this.#lacking).fill(undefined);
  }

  /**
   * Resolves when the images of all these samples are here. They come before anything in the background. Rejects
   * with the reason why a block does not come.
   */
  async load(samples: readonly Uint32Array[]): Promise<void> {
    if (this.#lacking === 0) return;
    const arrivals = new Set<Promise<void>>();
    for (const indices of samples) {
      for (const index of indices) {
        const block = this.#blockOf(index);
        if (this.#blocks[block] === undefined) arrivals.add(this.#demand(block).arrival);
      }
    }
    this.#bringMore();
    await Promise.all(arrivals);
  }

  /** What to bring from here on while nobody waits for anything, instead of what this was before. */
  prefer(ranges: readonly SampleRange[]): void {
    if (this.#lacking === 0) return;
    const blocks = new Set<number>();
    for (const { start, end } of ranges) {
      const last = this.#blockOf(end - 1);
      for (let block = this.#blockOf(start); block <= last; block++) {
        if (this.#blocks[block] === undefined) blocks.add(block);
      }
    }
    this.#background = [...blocks];
    this.#bringMore();
  }

  /** A copy of samples that were loaded before. */
  slice(indices: Uint32Array): Slice {
    const { imageBytes, imagesPerBlock, labels: all } = this.#options;
    const images = new Uint8Array(indices.length * imageBytes);
    const labels = new Uint8Array(indices.length);
    indices.forEach((index, at) => {
      const block = this.#blocks[this.#blockOf(index)];
      if (block === undefined) throw new Error(`sample ${index} is used before it is loaded`);
      const start = (index % imagesPerBlock) * imageBytes;
      images.set(block.subarray(start, start + imageBytes), at * imageBytes);
      labels[at] = all[index];
    });
    return { images, labels };
  }

  /** Brings nothing more; whoever waits is told so. */
  close(): void {
    this.#isClosed = true;
    this.#options.onClose?.();
    const closed = new Error('the training data is not needed any more');
    for (const block of [...this.#demands.keys()]) {
      this.#settle(block, (demand) => demand.reject(closed));
    }
  }

  #blockOf(index: number): number {
    return Math.floor(index / this.#options.imagesPerBlock);
  }

  #demand(block: number): Demand {
    const known = this.#demands.get(block);
    if (known !== undefined) return known;
    const demand = newDemand();
    this.#demands.set(block, demand);
    return demand;
  }

  #bringMore(): void {
    while (!this.#isClosed && this.#onTheirWay.size < concurrentBlocks) {
      const block = this.#next();
      if (block === undefined) return;
      this.#onTheirWay.add(block);
      void this.#bring(block);
    }
  }

  #next(): number | undefined {
    for (const block of this.#demands.keys()) if (!this.#onTheirWay.has(block)) return block;
    // What does not come in the background is no loss before somebody waits for it.
    for (let block = this.#background.shift(); block !== undefined; ) {
      if (this.#blocks[block] === undefined && !this.#onTheirWay.has(block)) return block;
      block = this.#background.shift();
    }
    return undefined;
  }

  async #bring(block: number): Promise<void> {
    try {
      await this.#options.bring(block, (images) => {
        this.#blocks[block] = images;
        this.#lacking--;
        this.#settle(block, (demand) => demand.resolve());
      });
    } catch (error) {
      this.#settle(block, (demand) => demand.reject(error));
    } finally {
      this.#onTheirWay.delete(block);
      this.#bringMore();
    }
  }

  #settle(block: number, how: (demand: Demand) => void): void {
    const demand = this.#demands.get(block);
    this.#demands.delete(block);
    if (demand !== undefined) how(demand);
  }
}

function newDemand(): Demand {
  let resolve: () => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const arrival = new Promise<void>((onArrival, onFailure) => {
    resolve = onArrival;
    reject = onFailure;
  });
  return { arrival, resolve, reject };
}
