import type { Aggregation } from '../contracts.ts';
import { eachSorted } from './sorted.ts';

/** Of the shards, at each end. */
const trimmedPart = 1 / 4;

/**
 * Of each coordinate the mean without the largest and the smallest quarter of the values. Right while at most a quarter
 * of the shards lie. Yin et al., "Byzantine-Robust Distributed Learning", 2018.
 */
export const trimmedMean: Aggregation = {
  leastShards: 1 / trimmedPart,
  combine: (means, into) => {
    const trimmed = Math.floor(means.length * trimmedPart);
    const end = means.length - trimmed;
    eachSorted(means, (values, at) => {
      let sum = 0;
      for (let rank = trimmed; rank < end; rank++) sum += values[rank];
      into[at] = sum / (end - trimmed);
    });
  },
};
