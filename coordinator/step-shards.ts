// The shards of the step in progress: which are done, and who computes the others.
import type { Plan } from '../shared/plan.ts';
import type { ShardRun } from '../shared/protocol.ts';
import type { Answer } from './core-types.ts';

export abstract class StepShards {
  readonly version: number;
  readonly epoch: number;
  readonly step: number;
  /** Workers whose gradients of this step were not usable numbers. */
  readonly unusable = new Set<string>();

  readonly #done: boolean[];
  /** How many live leases cover each shard. */
  readonly #holders: number[];
  #unheld: number;

  constructor({ shards, position }: Plan, version: number) {
    const { epoch, step } = position(version);
    this.version = version;
    this.epoch = epoch;
    this.step = step;
    this.#done = new Array(shards).fill(false);
    this.#holders = new Array(shards).fill(0);
    this.#unheld = shards;
  }

  /** Takes the sum over a run whose shards are all missing, as a tree sum does. */
  abstract accept(worker: string, answer: Answer): void;

  /** What a sum over the run has to come in. */
  cut(run: ShardRun): readonly ShardRun[] {
    return [run];
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

  /** Nobody needs to compute them any more. */
  protected finish({ start, length }: ShardRun): void {
    for (let shard = start; shard < start + length; shard++) {
      if (!this.#done[shard] && this.#holders[shard] === 0) this.#unheld--;
      this.#done[shard] = true;
    }
  }

  protected want({ start, length }: ShardRun): void {
    for (let shard = start; shard < start + length; shard++) {
      if (this.#done[shard] && this.#holders[shard] === 0) this.#unheld++;
      this.#done[shard] = false;
    }
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
