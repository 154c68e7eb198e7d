import type { Sharding } from '../contracts.ts';
import { createRandom, permutation } from '../random.ts';

/** Every shard draws from the whole training set, anew in each epoch. */
export const shuffled: Sharding = {
  hasParts: false,
  deal: ({ samples, seed, shuffle }) => ({
    orderOf: (epoch) =>
      shuffle
        ? permutation(samples, createRandom(seed, 'shuffle', epoch))
        : Uint32Array.from({ length: samples }, (_, index) => index),
    sourceOf: () => [{ start: 0, end: samples }],
  }),
};
