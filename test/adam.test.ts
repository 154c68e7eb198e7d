import { describe, expect, it } from 'vitest';
import type { Optimizer, OptimizerOptions } from '../shared/contracts.ts';
import { adam } from '../shared/optimizers/adam.ts';
import { adamw } from '../shared/optimizers/adamw.ts';
import { createRandom } from '../shared/random.ts';
import { initial, largestDifference, meanGradients, startAt } from './optimizer-steps.ts';

const kinds = { adam, adamw };
const names = Object.keys(kinds) as (keyof typeof kinds)[];
type AdamOptions = Omit<OptimizerOptions, 'momentum' | 'nesterov'>;

const changed = { beta1: 0.8, beta2: 0.95, epsilon: 0.01, weightDecay: 0.05 };

/** Weights after each of five steps, printed by torch 1.13 as those in optimizers.test.ts were. */
const byTorch: [string, Optimizer, number[][]][] = [
  [
    'Adam([w], lr=0.1)',
    adam.create(adam.defaults),
    [
      [0.9, -1.9, 0.4],
      [0.8196959, -1.894187, 0.3572151],
      [0.810326, -1.951834, 0.3241423],
      [0.7539287, -1.938613, 0.2842464],
      [0.707952, -1.939813, 0.2858489],
    ],
  ],
  [
    'Adam([w], lr=0.1, betas=(0.8, 0.95), eps=0.01, weight_decay=0.05)',
    adam.create(changed),
    [
      [0.9017857, -1.902778, 0.4009662],
      [0.8220586, -1.86614, 0.3611214],
      [0.810718, -1.914886, 0.3308242],
      [0.7476746, -1.883998, 0.2915292],
      [0.6980568, -1.869462, 0.3010031],
    ],
  ],
  [
    'AdamW([w], lr=0.1)',
    adamw.create(adamw.defaults),
    [
      [0.899, -1.898, 0.3995],
      [0.8177969, -1.89029, 0.3563156],
      [0.8076093, -1.946046, 0.3228865],
      [0.7504044, -1.930879, 0.2826677],
      [0.7036772, -1.930148, 0.2839875],
    ],
  ],
  [
    'AdamW([w], lr=0.1, betas=(0.8, 0.95), eps=0.01, weight_decay=0.05)',
    adamw.create(changed),
    [
      [0.8969608, -1.893846, 0.3984901],
      [0.8166349, -1.884377, 0.3589752],
      [0.8125517, -1.938323, 0.3297906],
      [0.7487954, -1.910866, 0.2916731],
      [0.6996104, -1.901885, 0.3028521],
    ],
  ],
];

describe('adam and adamw', () => {
  it.each(byTorch)('move as torch.optim.%s', (_, optimizer, expected) => {
    const run = startAt(optimizer);
    for (const [step, weights] of expected.entries()) {
      run.step(meanGradients[step]);
      expect(largestDifference(run.weights, weights)).toBeLessThan(1e-6);
    }
  });
});

describe.each(names)('%s', (name) => {
  const kind = kinds[name];
  const withoutDecay = { ...kind.defaults, weightDecay: 0 };

  it('moves by the learning rate at first, however steep it is', () => {
    for (const scale of [1e-3, 1, 1e3]) {
      const run = startAt(kind.create(withoutDecay));
      run.step([5 * scale, -scale, 2 * scale], 0.25);
      expect(largestDifference(run.weights, [0.75, -1.75, 0.25])).toBeLessThan(1e-5);
    }
  });

  it('counts its steps from the start of the run, not from its state', () => {
    const run = startAt(kind.create(withoutDecay), [0], undefined, 999);
    run.step([1], 1);
    const first = 0.1 / (1 - 0.9 ** 1000);
    const second = 0.001 / (1 - 0.999 ** 1000);
    expect(run.weights[0]).toBeCloseTo(-first / (Math.sqrt(second) + 1e-8), 6);
  });

  it('follows the published formulas in float64', () => {
    const options = { beta1: 0.8, beta2: 0.97, epsilon: 1e-3, weightDecay: 0.1 };
    const random = createRandom(1, 'slopes');
    const gradients = Array.from({ length: 40 }, () =>
      initial.map((_, at) => (random.uniform() - 0.4) * 10 ** (at - 1)),
    );
    const run = startAt(kind.create(options));
    for (const gradient of gradients) run.step(gradient, 0.01);
    const expected = initial.map((weight, at) =>
      published(name, weight, { slopes: gradients.map((all) => all[at]), rate: 0.01, ...options }),
    );
    expect(largestDifference(run.weights, expected)).toBeLessThan(1e-6);
  });
});

describe('weight decay where the loss is flat', () => {
  const flat = [0, 0, 0];

  it('is part of the gradient in adam, which then moves all weights alike', () => {
    const run = startAt(adam.create({ ...adam.defaults, weightDecay: 0.1 }));
    run.step(flat, 0.125);
    expect(largestDifference(run.weights, [0.875, -1.875, 0.375])).toBeLessThan(1e-6);
  });

  it('shrinks every weight by the same factor in adamw', () => {
    const run = startAt(adamw.create({ ...adamw.defaults, weightDecay: 0.5 }));
    run.step(flat, 0.125);
    run.step(flat, 0.125);
    expect(run.weights).toEqual(Float32Array.from(initial, (weight) => weight * 0.9375 ** 2));
  });
});

interface Course extends AdamOptions {
  readonly slopes: readonly number[];
  readonly rate: number;
}

/** Algorithm 2 of "Decoupled Weight Decay Regularization", with L2 regularization for adam. */
function published(name: keyof typeof kinds, start: number, course: Course): number {
  const { slopes, rate, beta1, beta2, epsilon, weightDecay } = course;
  let weight = start;
  let mean = 0;
  let square = 0;
  for (const [index, slope] of slopes.entries()) {
    const gradient = name === 'adam' ? slope + weightDecay * weight : slope;
    mean = beta1 * mean + (1 - beta1) * gradient;
    square = beta2 * square + (1 - beta2) * gradient ** 2;
    const meanHat = mean / (1 - beta1 ** (index + 1));
    const squareHat = square / (1 - beta2 ** (index + 1));
    const decay = name === 'adamw' ? weightDecay * weight : 0;
    weight -= rate * (meanHat / (Math.sqrt(squareHat) + epsilon) + decay);
  }
  return weight;
}
