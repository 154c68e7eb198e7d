// The work of a run, fixed before anybody joins: (seed, epoch) -> order of the samples -> steps -> shards.
import type { SampleRange } from './contracts.ts';
import { type ShardingName, shardings } from './shardings/index.ts';

export interface PlanOptions {
  readonly samples: number;
  /** Samples a step, over all workers. */
  readonly batchSize: number;
  /** Shards a step, a power of two. */
  readonly shards: number;
  readonly epochs: number;
  readonly seed: number;
  readonly shuffle: boolean;
  readonly sharding: ShardingName;
  readonly maxSteps?: number;
}

export interface Plan {
  readonly shards: number;
  readonly stepsPerEpoch: number;
  readonly totalSteps: number;
  /** A shard draws from its own part of the training set: whoever computed it before has what it needs. */
  readonly hasParts: boolean;
  /** Which epoch and which of its steps comes after `version` committed ones. */
  position(version: number): { readonly epoch: number; readonly step: number };
  /** Samples of a step: the batch size, or fewer in the last step of an epoch. */
  stepSize(step: number): number;
  /** Samples in an aligned run of shards. */
  runSize(step: number, start: number, length: number): number;
  /** Training indices of one shard; a view, valid until another epoch is asked for. */
  shardIndices(epoch: number, step: number, shard: number): Uint32Array;
  /** All that this shard draws from, in any step and epoch. */
  sourceOf(shard: number): readonly SampleRange[];
}

export function createPlan(options: PlanOptions): Plan {
  const { samples, batchSize, shards, epochs, sharding, maxSteps } = options;
  const stepsPerEpoch = Math.ceil(samples / batchSize);
  const totalSteps = Math.min(stepsPerEpoch * epochs, maxSteps ?? Number.POSITIVE_INFINITY);
  const stepSize = (step: number): number => Math.min(batchSize, samples - step * batchSize);
  // Cut evenly: shard i of a step of n samples is the i-th of `shards` nearly equal pieces. When n is
  // smaller than the number of shards some are empty; they add nothing and are never leased.
  const boundary = (step: number, shard: number): number =>
    Math.floor((shard * stepSize(step)) / shards);

  const pieceOf = (step: number, shard: number): SampleRange => {
    const first = step * batchSize;
    return { start: first + boundary(step, shard), end: first + boundary(step, shard + 1) };
  };

  const { hasParts, deal } = shardings[sharding];
  const { orderOf, sourceOf } = deal({ ...options, steps: stepsPerEpoch, pieceOf });
  let order: Uint32Array = new Uint32Array();
  let orderedEpoch = -1;
  const epochOrder = (epoch: number): Uint32Array => {
    if (epoch !== orderedEpoch) {
      order = orderOf(epoch);
      orderedEpoch = epoch;
    }
    return order;
  };

  return {
    shards,
    stepsPerEpoch,
    totalSteps,
    hasParts,
    stepSize,
    position: (version) => ({
      epoch: Math.floor(version / stepsPerEpoch),
      step: version % stepsPerEpoch,
    }),
    runSize: (step, start, length) => boundary(step, start + length) - boundary(step, start),
    shardIndices: (epoch, step, shard) => {
      const { start, end } = pieceOf(step, shard);
      return epochOrder(epoch).subarray(start, end);
    },
    sourceOf,
  };
}

/** Runs of shards are subtrees: `length` is a power of two, divides `start` and stays inside the step. */
export function isAlignedRun(start: number, length: number, shards: number): boolean {
  return (
    start >= 0 &&
    length >= 1 &&
    Number.isInteger(Math.log2(length)) &&
    start % length === 0 &&
    start + length <= shards
  );
}
