import type { Aggregation } from '../contracts.ts';
import { eachSorted } from './sorted.ts';

/**
 * Of each coordinate the median, of an even number of values the mean of the two in the middle. Right while fewer than
 * half of the shards lie. Yin et al., "Byzantine-Robust Distributed Learning", 2018.
 */
export const median: Aggregation = {
  leastShards: 3,
  combine: (means, into) => {
    const low = (means.length - 1) >> 1;
    const high = means.length >> 1;
    eachSorted(means, (values, at) => {
      into[at] = (values[low] + values[high]) / 2;
    });
  },
};
