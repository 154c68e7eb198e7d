import { describe, expect, it } from 'vitest';
import { clipFactor, withClipping } from '../shared/optimizers/clipping.ts';
import { sgd } from '../shared/optimizers/sgd.ts';
import { largestDifference, meanGradients, startAt } from './optimizer-steps.ts';

const plain = sgd.create(sgd.defaults);

describe('the factor of gradient clipping', () => {
  it('brings the norm of the mean gradient down to the largest allowed', () => {
    const sum = Float32Array.of(3 * 64, 0, -4 * 64);
    expect(clipFactor(sum, 64, 1)).toBe(1 / (5 + 1e-6));
    expect(clipFactor(sum, 64, 4)).toBe(4 / (5 + 1e-6));
    expect(clipFactor(sum, 128, 1)).toBe(1 / (2.5 + 1e-6));
  });

  it('is 1 where the gradient is short enough', () => {
    expect(clipFactor(Float32Array.of(3, 4), 1, 5.1)).toBe(1);
    expect(clipFactor(new Float32Array(3), 64, 1e-3)).toBe(1);
  });

  it('counts what float32 would lose or could not hold', () => {
    const small = new Float32Array(1001).fill(1);
    small[0] = 2 ** 13;
    expect(clipFactor(small, 1, 1)).toBe(1 / (Math.sqrt(2 ** 26 + 1000) + 1e-6));
    expect(clipFactor(Float32Array.of(1e30, 0), 1, 1)).toBeCloseTo(1e-30, 36);
  });
});

describe('an optimizer behind gradient clipping', () => {
  it('takes the step of a gradient of the largest norm in the same direction', () => {
    const run = startAt(withClipping(plain, 0.5), [0, 0]);
    run.step([3, -4], 1);
    expect(run.weights[0]).toBeCloseTo(-0.3, 6);
    expect(run.weights[1]).toBeCloseTo(0.4, 6);
  });

  it('moves as torch.optim.SGD after torch.nn.utils.clip_grad_norm_', () => {
    const run = startAt(withClipping(plain, 0.5));
    for (const gradient of meanGradients) run.step(gradient);
    // Printed by torch 1.13 for `clip_grad_norm_([w], 0.5)` before each step of SGD([w], lr=0.1).
    expect(largestDifference(run.weights, [0.9526064, -2.045992, 0.5253469])).toBeLessThan(1e-6);
  });

  it('takes the same step to the bit where nothing is clipped', () => {
    const [clipped, free] = [startAt(withClipping(plain, 5.1)), startAt(plain)];
    for (const run of [clipped, free]) run.step([3.3, -0.7, 0.1]);
    expect(clipped.weights).toEqual(free.weights);
  });
});
