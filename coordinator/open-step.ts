// The step in progress at the coordinator: who computed which of its shards, and the sum so far.
import { addRounded, type GradientCodec } from '../shared/codecs/rounding.ts';
import type { Plan } from '../shared/plan.ts';
import type { ShardRun } from '../shared/protocol.ts';
import { type AddSum, type PartialSum, TreeSum } from '../shared/tree-sum.ts';
import { VectorPool } from '../shared/vectors/pool.ts';
import type { Answer } from './core-types.ts';
import { type RobustSum, ShardSet, type StepSum } from './shard-set.ts';
import { StepShards } from './step-shards.ts';

export interface Contribution extends ShardRun {
  readonly worker: string;
}

export class OpenStep extends StepShards {
  readonly samples: number;
  readonly openedAt: number;
  readonly contributions: Contribution[] = [];

  readonly #sum: StepSum;

  /** `vectors` are what the sum is held in; `robust` is for one that is no sum. */
  constructor(
    plan: Plan,
    codec: GradientCodec,
    version: number,
    now: number,
    vectors = new VectorPool(),
    robust?: RobustSum,
  ) {
    super(plan, version);
    const { epoch, step } = this;
    this.samples = plan.stepSize(step);
    this.openedAt = now;
    const add: AddSum = (into, from, start, length) =>
      addRounded(codec, { epoch, step, start, length }, into, from);
    const sizes = Array.from({ length: plan.shards }, (_, shard) => plan.runSize(step, shard, 1));
    this.#sum = robust
      ? new ShardSet({ ...robust, sizes, vectors })
      : new TreeSum(plan.shards, add, vectors);
    for (let shard = 0; shard < plan.shards; shard++) {
      if (plan.runSize(step, shard, 1) === 0) this.#add({ start: shard, length: 1 }, null);
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

  override accept(worker: string, answer: Answer): void {
    const { start, length, gradient, lossSum, correct, isJoined } = answer;
    this.contributions.push({ start, length, worker });
    this.#add(answer, { gradient, lossSum, correct }, isJoined);
  }

  /** The sum that one over this run is added to; undefined while there is none. */
  beside({ start, length }: ShardRun): Float32Array | undefined {
    return this.#sum.beside(start, length);
  }

  #add(run: ShardRun, sum: PartialSum | null, isJoined?: boolean): void {
    this.finish(run);
    this.#sum.add(run.start, run.length, sum, isJoined);
  }
}
