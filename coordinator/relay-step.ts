// The step in progress at a relay: the runs of shards that it was leased, and their sums so far. All other shards of the
// step are somebody else's.
import { addWithin, encodeSum, type GradientCodec } from '../shared/codecs/rounding.ts';
import type { Plan } from '../shared/plan.ts';
import type { ShardRun } from '../shared/protocol.ts';
import { type PartialSum, TreeSum } from '../shared/tree-sum.ts';
import type { VectorPool } from '../shared/vectors/pool.ts';
import type { Answer } from './core-types.ts';
import { StepShards } from './step-shards.ts';

/** The sum over one leased run, as it goes out. */
export interface RelayedSum extends ShardRun {
  readonly lossSum: number;
  readonly correct: number;
  /** Read before anything else happens: its memory is used again. */
  readonly payload: Uint8Array;
}

interface Order extends ShardRun {
  readonly tree: TreeSum;
}

export interface RelayStepOptions {
  readonly plan: Plan;
  readonly codec: GradientCodec;
  readonly version: number;
  readonly parameterCount: number;
  /** What sums are held in. */
  readonly vectors: VectorPool;
}

export class RelayStep extends StepShards {
  readonly #options: RelayStepOptions;
  #orders: Order[] = [];
  #finished: RelayedSum[] = [];
  /** Where the sums that are finished together are encoded. */
  readonly #payloads: Uint8Array[] = [];

  constructor(options: RelayStepOptions) {
    super(options.plan, options.version);
    this.#options = options;
    this.finish({ start: 0, length: options.plan.shards });
  }

  /**
   * These are wanted from here on, and no others: who leases anew has all that it waited for, or waits no more. What is
   * there of a run that is wanted still is kept.
   */
  order(runs: readonly ShardRun[]): void {
    const kept = this.#orders.filter((order) => runs.some((run) => isSame(run, order)));
    for (const order of this.#orders) if (!kept.includes(order)) this.#drop(order);
    const fresh = runs.filter((run) => !kept.some((order) => isSame(run, order)));
    for (const { start, length } of fresh) {
      this.#orders.push({ start, length, tree: this.#treeOf({ start, length }) });
      this.want({ start, length });
    }
  }

  /** What has been summed up since the last call. */
  takeFinished(): RelayedSum[] {
    return this.#finished.splice(0);
  }

  /** Instead of the sum that this run is a part of: none of its values is a number, as all say who compute here. */
  giveUp(run: ShardRun): void {
    const order = this.#orderAround(run);
    if (order === undefined) return;
    const gradient = new Float32Array(this.#options.parameterCount).fill(Number.NaN);
    this.#finishWith(order, { gradient, lossSum: Number.NaN, correct: 0 });
  }

  /** Gives back what sums were held in. */
  close(): void {
    for (const { tree } of this.#orders) tree.release();
    this.#orders = [];
  }

  override accept(_worker: string, answer: Answer): void {
    const order = this.#orderAround(answer)!;
    const { start, length, payload } = answer;
    this.finish({ start, length });
    // As it came: a codec that rounds at random would round once more.
    if (payload !== undefined && isSame(answer, order))
      return this.#deliver(order, answer, payload);
    order.tree.add(start - order.start, length, answer);
    const { total } = order.tree;
    if (total) this.#finishWith(order, total);
  }

  /** Nobody waits for a sum that is no part of one run. */
  override overlapsDone(run: ShardRun): boolean {
    return super.overlapsDone(run) || this.#orderAround(run) === undefined;
  }

  override canBeCopied(run: ShardRun): boolean {
    return super.canBeCopied(run) && this.#orderAround(run) !== undefined;
  }

  override cut(run: ShardRun): readonly ShardRun[] {
    if (this.#orderAround(run) !== undefined) return [run];
    return this.#orders
      .filter((order) => isWithin(order, run))
      .map(({ start, length }) => ({ start, length }));
  }

  #orderAround(run: ShardRun): Order | undefined {
    return this.#orders.find((order) => isWithin(run, order));
  }

  #treeOf(run: ShardRun): TreeSum {
    const { codec, vectors } = this.#options;
    const { epoch, step } = this;
    return new TreeSum(run.length, addWithin(codec, { epoch, step, ...run }), vectors);
  }

  #finishWith(order: Order, sum: PartialSum): void {
    const { epoch, step } = this;
    const { start, length } = order;
    const subtree = { epoch, step, start, length };
    const { codec } = this.#options;
    const payload = this.#payloadFor(this.#finished.length);
    encodeSum(codec, subtree, sum.gradient, payload);
    this.#deliver(order, sum, payload);
  }

  #payloadFor(place: number): Uint8Array {
    const { codec, parameterCount } = this.#options;
    this.#payloads[place] ??= new Uint8Array(codec.codec.byteLength(parameterCount));
    return this.#payloads[place];
  }

  #deliver(
    order: Order,
    { lossSum, correct }: Pick<PartialSum, 'lossSum' | 'correct'>,
    payload: Uint8Array,
  ): void {
    const { start, length } = order;
    this.#finished.push({ start, length, lossSum, correct, payload });
    this.#drop(order);
  }

  #drop(order: Order): void {
    this.#orders = this.#orders.filter((other) => other !== order);
    order.tree.release();
    this.finish(order);
  }
}

function isSame(one: ShardRun, other: ShardRun): boolean {
  return one.start === other.start && one.length === other.length;
}

function isWithin(inner: ShardRun, outer: ShardRun): boolean {
  return inner.start >= outer.start && inner.start + inner.length <= outer.start + outer.length;
}
