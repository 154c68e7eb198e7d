// The step in progress: which shards are done, who holds the others, and the sum so far.
import { type GradientCodec, roundSum } from '../shared/codecs/rounding.ts';
import type { Plan } from '../shared/plan.ts';
import type { ShardRun } from '../shared/protocol.ts';
import { type PartialSum, type RoundSum, TreeSum } from '../shared/tree-sum.ts';
import { VectorPool } from '../shared/vectors/pool.ts';
import { type RobustSum, ShardSet, type StepSum } from './shard-set.ts';

export interface Contribution extends ShardRun {
  readonly worker: string;
}

export class OpenStep {
  readonly version: number;
  readonly epoch: number;
  readonly step: number;
  readonly samples: number;
  readonly openedAt: number;
  readonly contributions: Contribution[] = [];
  /** Workers whose gradients of this step were not usable numbers. */
  readonly unusable = new Set<string>();

  readonly #sum: StepSum;
  readonly #done: boolean[];
  /** How many live leases cover each shard. */
  readonly #holders: number[];
  #unheld: number;

  /** `vectors` are what the sum is held in; `robust` is for one that is no sum. */
  constructor(
    plan: Plan,
    codec: GradientCodec,
    version: number,
    now: number,
    vectors = new VectorPool(),
    robust?: RobustSum,
  ) {
    const { epoch, step } = plan.position(version);
    this.version = version;
    this.epoch = epoch;
    this.step = step;
    this.samples = plan.stepSize(step);
    this.openedAt = now;
    const round: RoundSum = (gradient, start, length) =>
      roundSum(codec, { epoch, step, start, length }, gradient);
    const sizes = Array.from({ length: plan.shards }, (_, shard) => plan.runSize(step, shard, 1));
    this.#sum = robust
      ? new ShardSet({ ...robust, sizes, vectors })
      : new TreeSum(plan.shards, round, vectors);
    this.#done = new Array(plan.shards).fill(false);
    this.#holders = new Array(plan.shards).fill(0);
    this.#unheld = plan.shards;
    for (let shard = 0; shard < plan.shards; shard++) {
      if (plan.runSize(step, shard, 1) === 0) this.#finish({ start: shard, length: 1 }, null);
    }
  }

  /** The sum over all shards; undefined while one is missing. */
  get total(): PartialSum | null | undefined {
    return this.#sum.total;
  }

  /** Gives back what the sum was held in: nothing is added or read after this. */
  close(): void {
    this.#sum.release();
  }

  get hasUnheldShards(): boolean {
    return this.#unheld > 0;
  }

  /** Shards that nobody computes, in ascending order. */
  unheldShards(): number[] {
    const shards: number[] = [];
    for (let shard = 0; shard < this.#done.length; shard++) {
      if (!this.#done[shard] && this.#holders[shard] === 0) shards.push(shard);
    }
    return shards;
  }

  /** Every shard of the run is missing, and at most one worker computes it. */
  canBeCopied({ start, length }: ShardRun): boolean {
    for (let shard = start; shard < start + length; shard++) {
      if (this.#done[shard] || this.#holders[shard] > 1) return false;
    }
    return true;
  }

  /** The last of the preferred ones, if any of those is missing. */
  lastMissingShard(preferred?: ReadonlySet<number>): ShardRun | undefined {
    const isPreferred = (isDone: boolean, shard: number) => !isDone && preferred?.has(shard);
    const found = this.#done.findLastIndex(isPreferred);
    const start = found < 0 ? this.#done.lastIndexOf(false) : found;
    return start < 0 ? undefined : { start, length: 1 };
  }

  /** Part of the run is in the sum already. */
  overlapsDone({ start, length }: ShardRun): boolean {
    return this.#done.slice(start, start + length).includes(true);
  }

  hold(run: ShardRun): void {
    this.#change(run, 1);
  }

  release(run: ShardRun): void {
    this.#change(run, -1);
  }

  /** Takes the sum over a run whose shards are all missing, as a tree sum does. */
  accept(contribution: Contribution, sum: PartialSum): void {
    this.contributions.push(contribution);
    this.#finish(contribution, sum);
  }

  #finish({ start, length }: ShardRun, sum: PartialSum | null): void {
    for (let shard = start; shard < start + length; shard++) {
      this.#done[shard] = true;
      if (this.#holders[shard] === 0) this.#unheld--;
    }
    this.#sum.add(start, length, sum);
  }

  #change({ start, length }: ShardRun, by: 1 | -1): void {
    for (let shard = start; shard < start + length; shard++) {
      const before = this.#holders[shard];
      this.#holders[shard] = before + by;
      if (this.#done[shard]) continue;
      if (before === 0) this.#unheld--;
      if (before + by === 0) this.#unheld++;
    }
  }
}
