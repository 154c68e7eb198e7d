// Training on whole numbers small enough that float32 holds every sum exactly: what is wrong is wrong by a bit.
import type { Optimizer } from '../../shared/contracts.ts';
import { createMlp } from '../../shared/model/mlp.ts';
import type { PartialSum } from '../../shared/tree-sum.ts';

export const model = createMlp({ inputs: 1, hidden: [], classes: 2, activation: 'none' });

/** Which weights of which step a gradient is computed at. */
export interface Place {
  readonly version: number;
  readonly epoch: number;
  readonly step: number;
}

/** Remembers, and does not commute: steps out of order, left out or taken twice end elsewhere. */
export const optimizer: Optimizer = {
  init: (parameterCount) => ({ momentum: new Float32Array(parameterCount) }),
  update: ({ weights, state: { momentum }, gradientSum, samples, learningRate, step }) => {
    for (let at = 0; at < weights.length; at++) {
      momentum[at] = (3 * momentum[at] + learningRate * gradientSum[at]) % 1021;
      weights[at] = (5 * weights[at] + momentum[at] + samples + step) % 4093;
    }
  },
};

/** `base` as an administrator may set it. */
export function learningRate(version: number, base = 1): number {
  return base * (1 + (version % 7));
}

/** Sum over the samples. Other weights, another step or another sample give other numbers. */
export function gradientSum(
  { version, epoch, step }: Place,
  weights: Float32Array,
  samples: Iterable<number>,
): PartialSum {
  const gradient = new Float32Array(weights.length);
  let lossSum = 0;
  let correct = 0;
  let key = scramble(scramble(scramble(version) + epoch) + step);
  for (const weight of weights) key = scramble(key + weight);
  for (const sample of samples) {
    const bits = scramble(key + sample);
    for (let at = 0; at < gradient.length; at++) gradient[at] += ((bits >>> (5 * at)) & 31) - 15;
    lossSum += (bits >>> 20) & 15;
    correct += bits >>> 31;
  }
  return { gradient, lossSum, correct };
}

/** The finalizer of MurmurHash3. */
function scramble(word: number): number {
  let hash = Math.imul(word ^ 0x9e3779b9, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
