import { describe, expect, it } from 'vitest';
import type { OptimizerOptions } from '../shared/contracts.ts';
import { optimizerNames, optimizerOf } from '../shared/optimizers/index.ts';
import { sgd } from '../shared/optimizers/sgd.ts';
import { initial, largestDifference, meanGradients, startAt } from './optimizer-steps.ts';

/**
 * Weights after each step, printed by torch 1.13: `w = torch.nn.Parameter(torch.tensor([1.0, -2.0, 0.5]))`, then
 * for each mean gradient `w.grad = torch.tensor(gradient)` and one `step()` of the optimizer named here.
 */
const byTorch: [string, Partial<OptimizerOptions>, number[][]][] = [
  [
    'SGD([w], lr=0.1)',
    {},
    [
      [0.95, -1.975, 0.4],
      [0.94, -1.995, 0.43],
      [0.98, -2.075, 0.43],
      [0.83, -1.975, 0.405],
      [0.835, -2.005, 0.475],
    ],
  ],
  [
    'SGD([w], lr=0.1, momentum=0.9)',
    { momentum: 0.9 },
    [
      [0.95, -1.975, 0.4],
      [0.895, -1.9725, 0.34],
      [0.8855, -2.05025, 0.286],
      [0.7269499, -2.020225, 0.2124],
      [0.5892549, -2.023203, 0.21616],
    ],
  ],
  [
    'SGD([w], lr=0.1, momentum=0.9, nesterov=True)',
    { momentum: 0.9, nesterov: true },
    [
      [0.905, -1.9525, 0.31],
      [0.8455, -1.97025, 0.286],
      [0.87695, -2.120225, 0.2374],
      [0.584255, -1.993202, 0.14616],
      [0.4653295, -2.025882, 0.219544],
    ],
  ],
  [
    'SGD([w], lr=0.1, weight_decay=0.05)',
    { weightDecay: 0.05 },
    [
      [0.945, -1.965, 0.3975],
      [0.930275, -1.975175, 0.4255125],
      [0.9656236, -2.045299, 0.423385],
      [0.8107955, -1.935073, 0.396268],
      [0.8117415, -1.955397, 0.4642867],
    ],
  ],
  [
    'SGD([w], lr=0.1, momentum=0.9, weight_decay=0.05)',
    { momentum: 0.9, weightDecay: 0.05 },
    [
      [0.945, -1.965, 0.3975],
      [0.880775, -1.943675, 0.3332625],
      [0.8585686, -1.994764, 0.2737825],
      [0.6842901, -1.930771, 0.1938815],
      [0.5290179, -1.893523, 0.1910012],
    ],
  ],
  [
    'SGD([w], lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.05)',
    { momentum: 0.9, nesterov: true, weightDecay: 0.05 },
    [
      [0.8955, -1.9335, 0.30525],
      [0.8234428, -1.924782, 0.2763251],
      [0.8397983, -2.041351, 0.2220413],
      [0.5292457, -1.873531, 0.1248199],
      [0.3929996, -1.860881, 0.1926341],
    ],
  ],
];

describe('stochastic gradient descent', () => {
  it.each(byTorch)('moves as torch.optim.%s', (_, options, expected) => {
    const optimizer = sgd.create({ ...sgd.defaults, ...options });
    const run = startAt(optimizer);
    for (const [step, weights] of expected.entries()) {
      run.step(meanGradients[step]);
      expect(largestDifference(run.weights, weights)).toBeLessThan(1e-6);
    }
  });

  it('keeps its velocity when the learning rate changes, as torch does', () => {
    const run = startAt(sgd.create({ ...sgd.defaults, momentum: 0.9 }));
    const rates = [0.1, 0.1, 0.01, 0.01, 0.1];
    for (const [step, rate] of rates.entries()) run.step(meanGradients[step], rate);
    // As the second of the table, with `opt.param_groups[0]['lr'] = rate` before each step.
    expect(largestDifference(run.weights, [0.7405, -1.98025, 0.331])).toBeLessThan(1e-6);
  });

  it('remembers nothing without momentum', () => {
    expect(sgd.create(sgd.defaults).init(3)).toEqual({});
    expect(sgd.create({ ...sgd.defaults, momentum: 0.5 }).init(3)).toEqual({
      velocity: new Float32Array(3),
    });
  });
});

/** Every optimizer has its own of these. */
const options: OptimizerOptions = {
  momentum: 0.9,
  nesterov: false,
  weightDecay: 0.05,
  beta1: 0.8,
  beta2: 0.95,
  epsilon: 1e-6,
};
const everyOptimizer = optimizerNames.flatMap((name) => [
  { title: name, optimizer: optimizerOf({ name, ...options }) },
  { title: `${name}, clipped`, optimizer: optimizerOf({ name, ...options, clipNorm: 0.5 }) },
  { title: `${name}, averaged`, optimizer: optimizerOf({ name, ...options, ema: 0.75 }) },
]);

describe.each(everyOptimizer)('optimizer $title', ({ optimizer }) => {
  it('divides the sum of the gradients by the samples of the step', () => {
    const [one, other] = [startAt(optimizer), startAt(optimizer)];
    one.step(meanGradients[0], 0.1, 1);
    other.step(meanGradients[0], 0.1, 64);
    expect(one.weights).toEqual(other.weights);
  });

  it('goes on to the bit from a saved state', () => {
    const whole = startAt(optimizer);
    for (const gradient of meanGradients) whole.step(gradient);
    const before = startAt(optimizer);
    for (const gradient of meanGradients.slice(0, 2)) before.step(gradient);
    const after = startAt(optimizer, before.weights, structuredClone(before.state), 2);
    for (const gradient of meanGradients.slice(2)) after.step(gradient);
    expect(after.weights).toEqual(whole.weights);
    expect(after.state).toEqual(whole.state);
  });

  it('leaves the gradient as it was, and the weights where the rate is 0', () => {
    const weights = Float32Array.from(initial);
    const gradientSum = Float32Array.from(meanGradients[0]);
    const state = optimizer.init(3);
    optimizer.update({ weights, state, gradientSum, samples: 1, learningRate: 0, step: 0 });
    expect(weights).toEqual(Float32Array.from(initial));
    expect(gradientSum).toEqual(Float32Array.from(meanGradients[0]));
  });

  it('goes downhill', () => {
    const run = startAt(optimizer);
    // The gradient of half the squared distance from the origin is the place itself.
    for (let step = 0; step < 30; step++) run.step([...run.weights], 0.1);
    expect(Math.hypot(...run.weights)).toBeLessThan(Math.hypot(...initial) / 2);
  });
});
