// The work of a run, fixed before anybody joins: (seed, epoch) -> order of the samples -> steps -> shards.
import { createRandom, permutation } from './random.ts';

export interface PlanOptions {
  readonly samples: number;
  /** Samples a step, over all workers. */
  readonly batchSize: number;
  /** Shards a step, a power of two. */
  readonly shards: number;
  readonly epochs: number;
  readonly seed: number;
  readonly shuffle: boolean;
  readonly maxSteps?: number;
}

export interface Plan {
  readonly shards: number;
  readonly stepsPerEpoch: number;
  readonly totalSteps: number;
  /** Which epoch and which of its steps comes after `version` committed ones. */
  position(version: number): { readonly epoch: number; readonly step: number };
  /** Samples of a step: the batch size, or fewer in the last step of an epoch. */
  stepSize(step: number): number;
  /** Samples in an aligned run of shards. */
  runSize(step: number, start: number, length: number): number;
  /** Training indices of one shard; a view, valid until another epoch is asked for. */
  shardIndices(epoch: number, step: number, shard: number): Uint32Array;
}

export function createPlan(options: PlanOptions): Plan {
  const { samples, batchSize, shards, epochs, seed, shuffle, maxSteps } = options;
  const stepsPerEpoch = Math.ceil(samples / batchSize);
  const totalSteps = Math.min(stepsPerEpoch * epochs, maxSteps ?? Number.POSITIVE_INFINITY);
  const stepSize = (step: number): number => Math.min(batchSize, samples - step * batchSize);
  // Cut evenly: shard i of a step of n samples is the i-th of `shards` nearly equal pieces. When n is
  // smaller than the number of shards some are empty; they add nothing and are never leased.
  const boundary = (step: number, shard: number): number =>
    Math.floor((shard * stepSize(step)) / shards);

  let order: Uint32Array = new Uint32Array();
  let orderedEpoch = -1;
  const epochOrder = (epoch: number): Uint32Array => {
    if (epoch !== orderedEpoch) {
      order = shuffle
        ? permutation(samples, createRandom(seed, 'shuffle', epoch))
        : Uint32Array.from({ length: samples }, (_, index) => index);
      orderedEpoch = epoch;
    }
    return order;
  };

  return {
    shards,
    stepsPerEpoch,
    totalSteps,
    stepSize,
    position: (version) => ({
      epoch: Math.floor(version / stepsPerEpoch),
      step: version % stepsPerEpoch,
    }),
    runSize: (step, start, length) => boundary(step, start + length) - boundary(step, start),
    shardIndices: (epoch, step, shard) => {
      const first = step * batchSize;
      return epochOrder(epoch).subarray(
        first + boundary(step, shard),
        first + boundary(step, shard + 1),
      );
    },
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
