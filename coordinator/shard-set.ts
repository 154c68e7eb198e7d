// The shards of a step, each by itself, for an aggregation that is no sum. Like a tree sum it does not matter who
// computed which and what came first.
import { aggregations } from '../shared/aggregations/index.ts';
import { median } from '../shared/aggregations/median.ts';
import { modelOf, type RunConfig } from '../shared/config.ts';
import type { Aggregation } from '../shared/contracts.ts';
import type { PartialSum } from '../shared/tree-sum.ts';
import type { VectorPool } from '../shared/vectors/pool.ts';

/** What a step gathers its shards in. */
export interface StepSum {
  /** Of shards start ... start + length - 1; `null` where they have no sample. */
  add(start: number, length: number, sum: PartialSum | null, isJoined?: boolean): void;
  /** As of a tree sum. */
  beside(start: number, length: number): Float32Array | undefined;
  /** Over all shards; undefined while some are missing. */
  readonly total: PartialSum | null | undefined;
  release(): void;
}

/** How shards become one where they are not added up. */
export interface RobustSum {
  readonly aggregation: Aggregation;
  /** What comes behind are running statistics: of those always the median, so that no norm is theirs. */
  readonly trainableCount: number;
}

/** Undefined where they are. */
export function robustSumOf(config: RunConfig): RobustSum | undefined {
  if (config.aggregation === undefined) return undefined;
  const { trainableCount } = modelOf(config);
  return { aggregation: aggregations[config.aggregation], trainableCount };
}

export interface ShardSetOptions extends RobustSum {
  /** Samples of each shard. */
  readonly sizes: readonly number[];
  readonly vectors: VectorPool;
}

export class ShardSet implements StepSum {
  readonly #options: ShardSetOptions;
  /** By shard; `null` has no sample. Each gradient, of the pool, is the shard's mean. */
  readonly #shards = new Map<number, PartialSum | null>();
  #total: PartialSum | undefined;

  constructor(options: ShardSetOptions) {
    this.#options = options;
  }

  /** Throws RangeError for more than one shard: their sum does not tell what each of them was. */
  add(start: number, length: number, sum: PartialSum | null): void {
    if (length !== 1) throw new RangeError(`shards ${start} to ${start + length - 1} come as one`);
    if (sum === null) return void this.#shards.set(start, null);
    const gradient = this.#options.vectors.hold(sum.gradient);
    const { sizes } = this.#options;
    for (let at = 0; at < gradient.length; at++) gradient[at] /= sizes[start];
    this.#shards.set(start, { ...sum, gradient });
  }

  /** Nothing is added up. */
  beside(): undefined {
    return undefined;
  }

  get total(): PartialSum | undefined {
    if (this.#shards.size < this.#options.sizes.length) return undefined;
    this.#total ??= this.#combine();
    return this.#total;
  }

  release(): void {
    const held = [...this.#shards.values(), this.#total ?? null].filter((sum) => sum !== null);
    this.#options.vectors.giveBack(held.map(({ gradient }) => gradient));
    this.#shards.clear();
    this.#total = undefined;
  }

  /** As a sum over the samples of the step: their number times the mean that comes out. */
  #combine(): PartialSum {
    const { sizes, aggregation, trainableCount, vectors } = this.#options;
    const sums = sizes.map((_, shard) => this.#shards.get(shard) ?? null);
    const present = sums.filter((sum) => sum !== null);
    const means = present.map(({ gradient }) => gradient);
    const gradient = vectors.hold(means[0]);
    const part = (from: number, to?: number) => (vector: Float32Array) => vector.subarray(from, to);
    const trainable = part(0, trainableCount);
    aggregation.combine(means.map(trainable), trainable(gradient));
    const statistics = part(trainableCount);
    if (statistics(gradient).length > 0) {
      median.combine(means.map(statistics), statistics(gradient));
    }
    const samples = sizes.reduce((one, other) => one + other);
    for (let at = 0; at < gradient.length; at++) gradient[at] *= samples;
    return {
      gradient,
      lossSum: present.reduce((sum, { lossSum }) => sum + lossSum, 0),
      correct: present.reduce((sum, { correct }) => sum + correct, 0),
    };
  }
}
