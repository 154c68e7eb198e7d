import type { Aggregation } from '../contracts.ts';
import { sumOfSquares } from '../vectors/loops.ts';
import { medianOf } from './sorted.ts';

/**
 * The mean of all shards, of which none weighs more than the median one: whoever is longer is scaled down to that norm.
 * Cheap; it takes the force out of large lies, and does nothing about the direction of others. Sun et al., "Can You
 * Really Backdoor Federated Learning?", 2019.
 */
export const normBound: Aggregation = {
  leastShards: 3,
  combine: (means, into) => {
    const norms = means.map((mean) => Math.sqrt(sumOfSquares(mean)));
    const bound = medianOf(norms);
    const factors = norms.map((norm) => (norm > bound ? bound / norm : 1) / means.length);
    for (let at = 0; at < into.length; at++) {
      let sum = 0;
      for (let shard = 0; shard < means.length; shard++) sum += factors[shard] * means[shard][at];
      into[at] = sum;
    }
  },
};
