import type { Aggregation } from '../contracts.ts';
import { median } from './median.ts';
import { medianOf } from './sorted.ts';

const rounds = 3;

/**
 * Centered clipping: the mean of all shards, as far as they are no further from its centre than the median one; then
 * again around that mean. Karimireddy et al., "Learning from History for Byzantine Robust Optimization", 2021, but for
 * the first centre, which is the coordinates' median: theirs is remembered from step to step.
 */
export const clipped: Aggregation = {
  leastShards: 3,
  combine: (means, into) => {
    median.combine(means, into);
    for (let round = 0; round < rounds; round++) {
      const distances = means.map((mean) => distanceBetween(mean, into));
      const bound = medianOf(distances);
      const factors = distances.map((distance) => {
        return (distance > bound ? bound / distance : 1) / means.length;
      });
      for (let at = 0; at < into.length; at++) {
        const centre = into[at];
        let move = 0;
        for (let shard = 0; shard < means.length; shard++) {
          move += factors[shard] * (means[shard][at] - centre);
        }
        into[at] = centre + move;
      }
    }
  },
};

function distanceBetween(one: Float32Array, other: Float32Array): number {
  let squares = 0;
  for (let at = 0; at < one.length; at++) squares += (one[at] - other[at]) ** 2;
  return Math.sqrt(squares);
}
