import { describe, expect, it } from 'vitest';
import type { Engine } from '../shared/contracts.ts';
import { createMlp } from '../shared/model/mlp.ts';
import { initialWeights } from '../shared/model/model.ts';
import { optimizerNames, optimizerOf } from '../shared/optimizers/index.ts';
import { withBuffers } from '../shared/optimizers/with-buffers.ts';
import { TreeSum } from '../shared/tree-sum.ts';
import { randomSlice } from '../worker/engines/prove.ts';
import { reference } from '../worker/engines/reference.ts';

const small = { inputs: 3, hidden: [2], classes: 2, activation: 'tanh', batchNorm: true } as const;
const model = createMlp(small);

describe('a network with batch norm', () => {
  it('keeps the names of nn.Sequential, and its buffers behind all that is trained', () => {
    const { parameters, parameterCount, trainableCount } = createMlp({ ...small, hidden: [2, 4] });
    const names = parameters.map(({ name }) => name);
    expect(names.slice(0, 10).join(' ')).toBe(
      '0.weight 0.bias 1.weight 1.bias 3.weight 3.bias 4.weight 4.bias 6.weight 6.bias',
    );
    expect(names.slice(10)).toEqual(
      ['1', '4'].flatMap((place) => [`${place}.running_mean`, `${place}.running_var`]),
    );
    let end = 0;
    for (const { offset, size } of parameters) {
      expect(offset).toBe(end);
      end += size;
    }
    expect(parameterCount).toBe(end);
    expect(trainableCount).toBe(parameters[10].offset);
  });

  it('starts as PyTorch starts it', () => {
    const weights = initialWeights(model, 1);
    for (const [name, value] of Object.entries({
      '1.weight': 1,
      '1.bias': 0,
      '1.running_mean': 0,
      '1.running_var': 1,
    })) {
      expect(valuesOf(name, weights), name).toEqual([value, value]);
    }
  });
});

/**
 * Printed by torch 1.13 in float64 for Linear(3, 2), BatchNorm1d(2), Tanh(), Linear(2, 2) with the weights and
 * images below: logits of `eval()`, then CrossEntropyLoss(reduction='sum') and its gradients of `train()`, and the
 * buffers after that.
 */
const byTorch = {
  logits: [
    0.7491404694531637, 0.6336194231992125, -0.9957868789375902, 0.31005586452706324,
    -0.6626301531170404, 1.3826240860336019, 0.09759372656326848, 1.8080361462877734,
  ],
  lossSum: 2.6243811112848303,
  gradients: {
    '0.weight': [
      0.04152872808079969, 0.26931855512719916, 0.04656034617041327, 0.5708762486241965,
      0.9264738885483225, -0.9917574849424404,
    ],
    '0.bias': [0, 0],
    '1.weight': [-0.17168184175206444, -1.5053133311983486],
    '1.bias': [-0.06163789748537765, 0.48736045044258125],
    '3.weight': [-1.24839692846103, -0.46121317534944384, 1.24839692846103, 0.4612131753494439],
    '3.bias': [-0.47748307037112553, 0.4774830703711256],
  },
  buffers: {
    '1.running_mean': [0.465, -0.3025],
    '1.running_var': [0.7446666666666667, 1.9058333333333335],
  },
};
const weights = Float32Array.of(
  ...[0.5, -0.25, 1, -1, 0.75, 0.125, 0.25, -0.5],
  ...[1.5, -0.5, 0.25, 0.125],
  ...[1, -0.5, 0.25, 2, 0, 0.5],
  ...[0.5, -0.25, 0.75, 2],
);
const fourImages = {
  images: Uint8Array.of(0, 51, 255, 102, 204, 0, 255, 153, 51, 204, 0, 102),
  labels: Uint8Array.of(0, 1, 1, 0),
};
const options = {
  momentum: 0.9,
  nesterov: false,
  weightDecay: 0.5,
  beta1: 0.8,
  beta2: 0.95,
  epsilon: 1e-6,
};
const sgd = optimizerOf({ name: 'sgd', ...options });

describe('batch norm of the reference', () => {
  it('predicts with the running statistics, as PyTorch does', async () => {
    const logits = await (await newReference()).predict(fourImages.images);
    expectClose(logits, byTorch.logits);
  });

  it('has the loss and the gradients of PyTorch', async () => {
    const { gradient, lossSum } = await (await newReference()).gradient(fourImages);
    expect(lossSum).toBeCloseTo(byTorch.lossSum, 12);
    for (const [name, expected] of Object.entries(byTorch.gradients)) {
      expectClose(valuesOf(name, gradient), expected);
    }
  });

  it('moves the buffers as PyTorch does when a shard is a batch', async () => {
    const { gradient } = await (await newReference()).gradient(fourImages);
    const moved = weights.slice();
    const optimizer = withBuffers(sgd, model.trainableCount);
    const state = optimizer.init(model.parameterCount);
    const step = {
      weights: moved,
      state,
      gradientSum: gradient,
      samples: 4,
      learningRate: 0,
      step: 0,
    };
    optimizer.update(step);
    for (const [name, expected] of Object.entries(byTorch.buffers)) {
      expectClose(valuesOf(name, moved), expected);
    }
  });
});

const everyOptimizer = optimizerNames.flatMap((name) => [
  { title: name, inner: optimizerOf({ name, ...options }) },
  { title: `${name}, clipped`, inner: optimizerOf({ name, ...options, clipNorm: 0.5 }) },
  { title: `${name}, averaged`, inner: optimizerOf({ name, ...options, ema: 0.75 }) },
]);

describe.each(everyOptimizer)('optimizer $title', ({ inner }) => {
  const optimizer = withBuffers(inner, model.trainableCount);

  it('has no state for buffers, and leaves them to the statistics', () => {
    for (const values of Object.values(optimizer.init(model.parameterCount))) {
      expect(values.length).toBe(model.trainableCount);
    }
    const moved = weights.slice();
    const gradientSum = new Float32Array(model.parameterCount).fill(64 * 3);
    const state = optimizer.init(model.parameterCount);
    optimizer.update({
      weights: moved,
      state,
      gradientSum,
      samples: 64,
      learningRate: 0.1,
      step: 0,
    });
    for (let at = 0; at < moved.length; at++) {
      expect(moved[at]).not.toBe(weights[at]);
      const followed = Math.fround(0.9 * weights[at] + 0.1 * 3);
      if (at >= model.trainableCount) expect(moved[at]).toBe(followed);
    }
  });

  it('moves what is trained as it does without buffers, to the bit', () => {
    const gradientSum = initialWeights(model, 2);
    const step = { gradientSum, samples: 8, learningRate: 0.1, step: 0 };
    const moved = weights.slice();
    optimizer.update({ ...step, weights: moved, state: optimizer.init(model.parameterCount) });
    const alone = weights.slice(0, model.trainableCount);
    inner.update({
      ...step,
      gradientSum: gradientSum.slice(0, model.trainableCount),
      weights: alone,
      state: inner.init(model.trainableCount),
    });
    expect(moved.slice(0, model.trainableCount)).toEqual(alone);
  });
});

it('follows the mean over the shards, weighted by their samples', async () => {
  const engine = await newReference();
  const tree = new TreeSum(2);
  const shards = [randomSlice(model, 5, 1), randomSlice(model, 3, 2)];
  const means: number[][] = [];
  for (const [shard, slice] of shards.entries()) {
    const { gradient, ...rest } = await engine.gradient(slice);
    means.push(valuesOf('1.running_mean', gradient).map((sum) => sum / slice.labels.length));
    tree.add(shard, 1, { ...rest, gradient: gradient.slice() });
  }
  const moved = weights.slice();
  const optimizer = withBuffers(sgd, model.trainableCount);
  const state = optimizer.init(model.parameterCount);
  const gradientSum = tree.total!.gradient;
  optimizer.update({ weights: moved, state, gradientSum, samples: 8, learningRate: 0.1, step: 0 });
  const before = valuesOf('1.running_mean', weights);
  const expected = before.map(
    (value, at) => 0.9 * value + 0.1 * ((5 * means[0][at] + 3 * means[1][at]) / 8),
  );
  expectClose(valuesOf('1.running_mean', moved), expected);
});

async function newReference(): Promise<Engine> {
  const engine = await reference.create(model);
  engine.load(weights);
  return engine;
}

function valuesOf(parameter: string, vector: Float32Array): number[] {
  const { offset, size } = model.parameters.find(({ name }) => name === parameter)!;
  return [...vector.subarray(offset, offset + size)];
}

function expectClose(found: ArrayLike<number>, expected: readonly number[]): void {
  expect(found.length).toBe(expected.length);
  for (const [at, value] of expected.entries()) {
    expect(Math.abs(found[at] - value)).toBeLessThan(3e-7);
  }
}
