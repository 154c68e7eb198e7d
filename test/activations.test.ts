import { expect, it } from 'vitest';
import { activations } from '../worker/engines/activations.ts';

const inputs = [-3, -0.5, 0.1, 2, 8];

/** Printed by torch 1.13 for `torch.tensor([-3, -0.5, 0.1, 2, 8], dtype=torch.float64)`. */
const byTorch: Record<keyof typeof activations, number[]> = {
  relu: [0, 0, 0.1, 2, 8],
  tanh: [
    -0.9950547536867305, -0.46211715726000974, 0.09966799462495582, 0.9640275800758169,
    0.9999997749296758,
  ],
  sigmoid: [
    0.04742587317756678, 0.3775406687981454, 0.52497918747894, 0.8807970779778823,
    0.9996646498695336,
  ],
  gelu: [
    -0.00404969409489031, -0.15426876936299344, 0.053982783727702904, 1.9544997361036416,
    7.999999999999995,
  ],
};

const kinds = Object.keys(byTorch) as (keyof typeof byTorch)[];

it.each(kinds)('%s has the values of PyTorch', (kind) => {
  for (const [at, expected] of byTorch[kind].entries()) {
    expect(Math.abs(activations[kind].value(inputs[at]) - expected)).toBeLessThan(2e-15);
  }
});

it.each(kinds)('%s stays finite far from zero, value and slope', (kind) => {
  const { value, slope } = activations[kind];
  for (const x of [-1e4, -40, 40, 1e4]) {
    expect([value(x), slope(x)].every(Number.isFinite)).toBe(true);
    const next = value(x + 1) - value(x);
    expect(slope(x)).toBeCloseTo(next, 9);
  }
});
