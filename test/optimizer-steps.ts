// Steps of an optimizer on three weights, one given mean gradient after the other.
import type { Optimizer, OptimizerState } from '../shared/contracts.ts';

export const initial = [1, -2, 0.5];
export const meanGradients = [
  [0.5, -0.25, 1],
  [0.1, 0.2, -0.3],
  [-0.4, 0.8, 0],
  [1.5, -1, 0.25],
  [-0.05, 0.3, -0.7],
];

interface Steps {
  readonly weights: Float32Array;
  readonly state: OptimizerState;
  step(meanGradient: readonly number[], learningRate?: number, samples?: number): void;
}

/** From a state that is not new, after `committed` steps. */
export function startAt(
  optimizer: Optimizer,
  from: ArrayLike<number> = initial,
  state = optimizer.init(from.length),
  committed = 0,
): Steps {
  const weights = Float32Array.from(from);
  let step = committed;
  const take: Steps['step'] = (meanGradient, learningRate = 0.1, samples = 64) => {
    const gradientSum = Float32Array.from(meanGradient, (slope) => samples * slope);
    optimizer.update({ weights, state, gradientSum, samples, learningRate, step });
    step++;
  };
  return { weights, state, step: take };
}

export function largestDifference(actual: Float32Array, expected: readonly number[]): number {
  return Math.max(...expected.map((value, at) => Math.abs(value - actual[at])));
}
