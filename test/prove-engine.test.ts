import { describe, expect, it } from 'vitest';
import type { Engine, Slice, SliceResult } from '../shared/contracts.ts';
import { createMlp } from '../shared/model/mlp.ts';
import { proveEngine } from '../worker/engines/prove.ts';
import { reference } from '../worker/engines/reference.ts';

const smallMlp = createMlp({ inputs: 6, hidden: [5, 4], classes: 3, activation: 'relu' });

describe('proving an engine', () => {
  const proof = { model: smallMlp, tolerance: 1e-5, sliceSize: 16 };
  const { offset, size, name } = smallMlp.parameters[2];

  it('refuses one flipped sign and says where', async () => {
    const engine = await brokenEngine(({ gradient, ...rest }) => {
      const at = offset + indexOfLargest(gradient.subarray(offset, offset + size));
      return { ...rest, gradient: gradient.with(at, -gradient[at]) };
    });
    await expect(proveEngine(engine, proof)).rejects.toThrow(
      `engine broken: the gradient of ${name} is off by 2.0e+0 of its largest value`,
    );
  });

  it.each([
    ['zeros', 0],
    ['NaN', Number.NaN],
  ])('refuses a tensor of %s', async (_, value) => {
    const engine = await brokenEngine(({ gradient, ...rest }) => ({
      ...rest,
      gradient: gradient.slice().fill(value, offset, offset + size),
    }));
    await expect(proveEngine(engine, proof)).rejects.toThrow(`the gradient of ${name}`);
  });

  it('refuses a mean instead of a sum', async () => {
    const engine = await brokenEngine(({ gradient, ...rest }) => ({
      ...rest,
      gradient: gradient.map((value) => value / 16),
    }));
    await expect(proveEngine(engine, proof)).rejects.toThrow('is off by 9.4e-1');
  });

  it('refuses a wrong loss and a wrong count', async () => {
    const lossless = await brokenEngine((result) => ({ ...result, lossSum: Number.NaN }));
    await expect(proveEngine(lossless, proof)).rejects.toThrow('the summed loss is NaN');
    const boastful = await brokenEngine((result) => ({ ...result, correct: 16 }));
    await expect(proveEngine(boastful, proof)).rejects.toThrow('it counts 16 images as correct');
  });

  it.each([-1.5e-6, 1.5e-6])('allows rounding of %f before a ReLU', async (rounding) => {
    // Of the first images that are drawn, one brings a ReLU of this network to 9.1e-7.
    const network = { inputs: 33, hidden: [128, 40], classes: 3, batchNorm: true } as const;
    const model = createMlp({ ...network, activation: 'relu' });
    const biases = model.layers.flatMap((layer) => {
      return layer.kind === 'batch-norm' ? [layer.bias] : [];
    });
    const engine = await reference.create(model);
    const load = (weights: Float32Array) => {
      const rounded = weights.slice();
      for (const { offset, size } of biases) {
        for (let at = offset; at < offset + size; at++) rounded[at] += rounding;
      }
      engine.load(rounded);
    };
    const gradient = (slice: Slice) => engine.gradient(slice);
    const { maxError } = await proveEngine(
      { ...engine, load, gradient },
      { ...proof, model, sliceSize: 13 },
    );
    expect(maxError).toBeLessThan(1e-5);
  });

  it('takes the speed from the clock it is given', async () => {
    let calls = 0;
    const engine = await brokenEngine((result) => {
      calls++;
      return result;
    });
    const fast = await proveEngine(engine, { ...proof, now: () => 2 * calls });
    expect(fast.millisecondsPerSlice).toBe(2);
    expect(fast.samplesPerSecond).toBe(8000);

    const coarse = await proveEngine(engine, { ...proof, now: () => 20 * Math.floor(calls / 20) });
    expect(coarse.millisecondsPerSlice).toBe(1);
    const still = await proveEngine(engine, { ...proof, now: () => 0 });
    expect(Number.isFinite(still.samplesPerSecond)).toBe(true);

    const callsSoFar = calls;
    const slow = await proveEngine(engine, { ...proof, now: () => 300 * calls });
    expect(slow.millisecondsPerSlice).toBe(300);
    expect(calls - callsSoFar).toBeLessThan(10);
  });
});

/** The reference with its results changed. */
async function brokenEngine(damage: (result: SliceResult) => SliceResult): Promise<Engine> {
  const engine = await reference.create(smallMlp);
  return {
    label: 'broken',
    load: (weights) => engine.load(weights),
    gradient: async (slice: Slice) => damage(await engine.gradient(slice)),
    predict: (images) => engine.predict(images),
    dispose: () => engine.dispose(),
  };
}

function indexOfLargest(values: Float32Array): number {
  const sizes = values.map(Math.abs);
  return sizes.indexOf(Math.max(...sizes));
}
