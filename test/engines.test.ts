import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Engine, EngineKind, SliceResult } from '../shared/contracts.ts';
import { createMlp } from '../shared/model/mlp.ts';
import { activationNames, initialWeights, type Model } from '../shared/model/model.ts';
import { kernelOf } from '../shared/vectors/memory.ts';
import { engineChoices, engines } from '../worker/engines/index.ts';
import {
  framedSlice,
  proveEngine,
  randomSlice,
  randomWeights,
  worstError,
} from '../worker/engines/prove.ts';
import { reference } from '../worker/engines/reference.ts';
import type { EngineChoice } from '../worker/engines/registry.ts';
import { heldMemory } from './held-memory.ts';

const digits = { inputs: 784, hidden: [400, 200, 100], classes: 10, activation: 'relu' } as const;
const models: Record<string, Model> = {
  'the default MLP': createMlp(digits),
  'no hidden layer': createMlp({ ...digits, hidden: [] }),
  'no activation': createMlp({ ...digits, activation: 'none' }),
  ...Object.fromEntries(
    activationNames.map((activation) => [
      `a small network, activation ${activation}`,
      createMlp({ ...digits, hidden: [40, 30, 20], activation }),
    ]),
  ),
  ...Object.fromEntries(
    activationNames.map((activation) => [
      `batch norm, activation ${activation}`,
      createMlp({ ...digits, hidden: [40, 30, 20], activation, batchNorm: true }),
    ]),
  ),
};
const dropoutMlp = createMlp({ ...digits, hidden: [40, 30, 20], dropout: 0.3 });
Object.assign(models, {
  dropout: dropoutMlp,
  'batch norm and dropout': createMlp({
    ...digits,
    hidden: [40, 30],
    batchNorm: true,
    dropout: 0.5,
  }),
  'smoothed labels': createMlp({ ...digits, hidden: [40], labelSmoothing: 0.1 }),
  'the default MLP with batch norm': createMlp({ ...digits, batchNorm: true }),
});
const defaultMlp = models['the default MLP'];
const smallMlp = createMlp({ inputs: 6, hidden: [5, 4], classes: 3, activation: 'relu' });
const smallBatchNorm = createMlp({ ...digits, hidden: [20], activation: 'tanh', batchNorm: true });
const sliceSizes = [1, 7, 32, 64, 256];
/** Of fewer than thirteen images, but one, batch norm leaves gradients that are mostly rounding. */
const batchNormSizes = [1, 13, 32, 64, 256];

/** Why an engine cannot run here, and what would make it run; undefined when it can. */
const obstacles = new Map<EngineChoice, string | undefined>();
for (const choice of engineChoices) {
  const obstacle = await choice.kind.create(smallMlp, choice.provider).then(
    (engine) => engine.dispose(),
    ({ message }: Error) => message,
  );
  obstacles.set(choice, obstacle ?? undefined);
}
const runnable = engineChoices.filter((choice) => obstacles.get(choice) === undefined);

it('runs at least where nothing but the packages is needed', () => {
  const specs = runnable.map(({ spec }) => spec);
  expect(specs).toEqual(expect.arrayContaining(['onnx:cpu', 'reference:float64', 'wasm:simd']));
});

it.for(engineChoices.filter((choice) => !runnable.includes(choice)))(
  'engine $spec agrees with the float64 reference',
  (choice, { skip }) => skip(obstacles.get(choice)),
);

describe.each(runnable)('engine $spec', (choice) => {
  const kind = bound(choice);
  const tolerance = Math.min(kind.tolerance, 1e-5);

  describe.each(Object.keys(models))('with %s', (modelName) => {
    const model = models[modelName];

    const sizes = model.trainableCount < model.parameterCount ? batchNormSizes : sliceSizes;

    it.each(
      sizes.flatMap((size) => [
        [size, 'images', randomSlice] as const,
        [size, 'images with the same frame', framedSlice] as const,
      ]),
    )('agrees with the float64 reference on %i %s', async (size, _, draw) => {
      const engine = await newEngine(kind, model, randomWeights(model, 1));
      const result = await engine.gradient(draw(model, size, 2));
      const expected = await referenceResult(modelName, size, draw);
      expect(worstError(model, result.gradient, expected.gradient).error).toBeLessThan(tolerance);
      expect(Math.abs(result.lossSum / expected.lossSum - 1)).toBeLessThan(tolerance);
      expect(result.correct).toBe(expected.correct);
    });

    it('predicts the logits of the reference', async () => {
      const weights = randomWeights(model, 1);
      const { images } = randomSlice(model, 9, 2);
      const logits = await (await newEngine(kind, model, weights)).predict(images);
      const expected = await (await newEngine(reference, model, weights)).predict(images);
      expect(logits.length).toBe(9 * model.classes);
      expect(largestDifference(logits, expected)).toBeLessThan(tolerance * largest(expected));
    });
  });

  const slices = [
    ['of 32 images', randomSlice(defaultMlp, 32, 3)],
    ['of 128 images with the same frame', framedSlice(defaultMlp, 128, 3)],
  ] as const;

  it.each(slices)('gives the same bits %s wherever the gradient is wanted', async (_, slice) => {
    const engine = await newEngine(kind, defaultMlp, initialWeights(defaultMlp, 1));
    const first = copyOf(await engine.gradient(slice));
    const { parameterCount } = defaultMlp;
    const room = engine.memory?.floats(parameterCount) ?? new Float32Array(parameterCount);
    for (let call = 0; call < 2; call++) {
      const result = await engine.gradient(slice, room);
      expect(bitsOf(result).equals(bitsOf(first))).toBe(true);
      if (choice.spec === 'onnx:cpu') expect(result.gradient).toBe(room);
      expect(bitsOf(await engine.gradient(slice)).equals(bitsOf(first))).toBe(true);
    }
  });

  it.each(slices)('gives the same bits %s, whatever it computed before', async (_, slice) => {
    const weights = initialWeights(defaultMlp, 1);
    const engine = await newEngine(kind, defaultMlp, weights);
    const first = copyOf(await engine.gradient(slice));
    expect(bitsOf(await engine.gradient(slice)).equals(bitsOf(first))).toBe(true);

    engine.load(initialWeights(defaultMlp, 3));
    for (const size of [64, 7, 32]) await engine.gradient(randomSlice(defaultMlp, size, size));
    await engine.gradient(framedSlice(defaultMlp, 200, 1));
    await engine.predict(slice.images);
    engine.load(weights);
    expect(bitsOf(await engine.gradient(slice)).equals(bitsOf(first))).toBe(true);
  });

  it('leaves out the same values for the same noise, and others for another', async () => {
    const engine = await newEngine(kind, dropoutMlp, randomWeights(dropoutMlp, 1));
    const slice = { ...randomSlice(dropoutMlp, 32, 2), noise: 3 };
    const first = copyOf(await engine.gradient(slice));
    const other = copyOf(await engine.gradient({ ...slice, noise: 4 }));
    expect(worstError(dropoutMlp, other.gradient, first.gradient).error).toBeGreaterThan(0.1);
    expect(bitsOf(await engine.gradient(slice)).equals(bitsOf(first))).toBe(true);
  });

  it('follows the weights it loads', async () => {
    const engine = await newEngine(kind, smallMlp, initialWeights(smallMlp, 1));
    const slice = randomSlice(smallMlp, 8, 2);
    await engine.gradient(slice);
    const otherWeights = initialWeights(smallMlp, 3);
    engine.load(otherWeights);
    const oracle = await newEngine(reference, smallMlp, otherWeights);
    const { gradient } = await engine.gradient(slice);
    const expected = await oracle.gradient(slice);
    expect(worstError(smallMlp, gradient, expected.gradient).error).toBeLessThan(tolerance);
  });

  it('copies the weights it loads', async () => {
    const weights = initialWeights(smallMlp, 1);
    const engine = await newEngine(kind, smallMlp, weights);
    const slice = randomSlice(smallMlp, 8, 2);
    const before = copyOf(await engine.gradient(slice));
    weights.fill(0.5);
    expect(copyOf(await engine.gradient(slice))).toEqual(before);
  });

  it('takes weights from its own memory as from any other, where it gives that away', async ({
    skip,
  }) => {
    const engine = await newEngine(kind, smallMlp);
    const { weights } = engine;
    if (weights === undefined) return skip('it does not');
    const slice = randomSlice(smallMlp, 8, 2);
    const [one, other] = [initialWeights(smallMlp, 1), initialWeights(smallMlp, 3)];
    const expected: Buffer[] = [];
    for (const loaded of [one, other]) {
      engine.load(loaded);
      expect(weights).toEqual(loaded);
      expected.push(bitsOf(await engine.gradient(slice)));
    }
    const found: Buffer[] = [];
    for (const written of [one, other]) {
      weights.set(written);
      engine.load(weights);
      expect(weights).toEqual(written);
      found.push(bitsOf(await engine.gradient(slice)));
    }
    expect(expected[0].equals(expected[1])).toBe(false);
    expect(found.map((bits, at) => bits.equals(expected[at]))).toEqual([true, true]);
  });

  it('computes beside what others keep in its memory', async ({ skip }) => {
    const engine = await newEngine(kind, defaultMlp, initialWeights(defaultMlp, 1));
    if (engine.memory === undefined) return skip('it gives none away');
    const slice = randomSlice(defaultMlp, 8, 2);
    const before = bitsOf(await engine.gradient(slice));
    const others = engine.memory.floats(defaultMlp.parameterCount).fill(7);
    expect(kernelOf(others, engine.weights!)).toBeDefined();
    expect(bitsOf(await engine.gradient(slice)).equals(before)).toBe(true);
    expect(others.every((value) => value === 7)).toBe(true);
  });

  it('leaves the logits it predicted to the caller', async () => {
    const engine = await newEngine(kind, smallMlp, initialWeights(smallMlp, 1));
    const logits = await engine.predict(randomSlice(smallMlp, 2, 2).images);
    const before = logits.slice();
    await engine.predict(randomSlice(smallMlp, 2, 3).images);
    expect(logits).toEqual(before);
  });

  it('sums over the slice: two halves add up to the whole', async () => {
    const engine = await newEngine(kind, defaultMlp, initialWeights(defaultMlp, 1));
    const { images, labels } = randomSlice(defaultMlp, 40, 2);
    const cut = 17;
    const pixels = cut * defaultMlp.inputs;
    const left = { images: images.subarray(0, pixels), labels: labels.subarray(0, cut) };
    const right = { images: images.subarray(pixels), labels: labels.subarray(cut) };
    const whole = copyOf(await engine.gradient({ images, labels }));
    const one = copyOf(await engine.gradient(left));
    const two = copyOf(await engine.gradient(right));
    const sum = one.gradient.map((value, at) => value + two.gradient[at]);
    expect(worstError(defaultMlp, sum, whole.gradient).error).toBeLessThan(tolerance);
    expect(Math.abs((one.lossSum + two.lossSum) / whole.lossSum - 1)).toBeLessThan(tolerance);
    expect(one.correct + two.correct).toBe(whole.correct);
  });

  it('takes the first of equal logits as the answer', async () => {
    const engine = await newEngine(kind, smallMlp, new Float32Array(smallMlp.parameterCount));
    const { images } = randomSlice(smallMlp, 6, 2);
    const { correct, lossSum } = await engine.gradient({
      images,
      labels: Uint8Array.of(0, 2, 1, 0, 0, 2),
    });
    expect(correct).toBe(3);
    expect(lossSum).toBeCloseTo(6 * Math.log(3), 5);
  });

  it('stays finite and right where an exponential would overflow', async () => {
    const weights = initialWeights(smallMlp, 1).map((weight) => 100 * weight);
    const slice = randomSlice(smallMlp, 8, 2);
    const result = await (await newEngine(kind, smallMlp, weights)).gradient(slice);
    const expected = await (await newEngine(reference, smallMlp, weights)).gradient(slice);
    expect(expected.lossSum).toBeGreaterThan(8 * 1000);
    expect(Math.abs(result.lossSum / expected.lossSum - 1)).toBeLessThan(tolerance);
    expect(worstError(smallMlp, result.gradient, expected.gradient).error).toBeLessThan(tolerance);
  });

  it('keeps nothing of 5,000 steps', async () => {
    const model = createMlp({ inputs: 64, hidden: [64], classes: 10, activation: 'relu' });
    const engine = await newEngine(kind, model);
    const weights = initialWeights(model, 1);
    const slices = [randomSlice(model, 1, 2), randomSlice(model, 2, 2)];
    const runSteps = async (count: number) => {
      for (let step = 0; step < count; step++) {
        engine.load(weights);
        await engine.gradient(slices[step % 2]);
      }
    };
    // Whatever an engine keeps for good is there after a few.
    await runSteps(500);
    const before = await heldMemory();
    await runSteps(5000);
    const after = await heldMemory();
    expect(after.heldBytes - before.heldBytes).toBeLessThan(2 ** 20);
    const gradientBytes = model.parameterCount * Float32Array.BYTES_PER_ELEMENT;
    const leaked = after.residentBytes - before.residentBytes;
    expect(leaked).toBeLessThan((5000 * gradientBytes) / 2);
  });

  it.each([smallMlp, smallBatchNorm, dropoutMlp])(
    'is proven right at any slice size',
    async (model) => {
      const engine = await newEngine(kind, model);
      for (const sliceSize of [1, 2, 7, 20, 100]) {
        const proof = await proveEngine(engine, { ...kind, model, sliceSize });
        expect(proof.maxError).toBeLessThanOrEqual(kind.tolerance);
      }
    },
  );

  it('sends nothing back through the batch norm of a single image', async () => {
    const engine = await newEngine(kind, smallBatchNorm, randomWeights(smallBatchNorm, 1));
    const { gradient } = await engine.gradient(randomSlice(smallBatchNorm, 1, 2));
    for (const { name, offset, size } of smallBatchNorm.parameters) {
      const isIdle = /^0|^1.weight|running_var/.test(name);
      const values = gradient.subarray(offset, offset + size);
      expect(largest(values) === 0, name).toBe(isIdle);
    }
  });
});

describe('engine onnx', () => {
  it('says what to do where its native library is missing', async () => {
    vi.doMock('onnxruntime-node', () => {
      throw new Error('no binary for this platform');
    });
    onTestFinished(() => vi.doUnmock('onnxruntime-node'));
    const refused = await engines.onnx.create(smallMlp).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      message: expect.stringMatching(/engine onnx: .* does not load .*choose another engine/),
      cause: expect.any(Error),
    });
  });
});

/** The engine on that provider and no other. */
function bound({ kind, provider }: EngineChoice): EngineKind {
  return { ...kind, create: (model) => kind.create(model, provider) };
}

async function newEngine(kind: EngineKind, model: Model, weights?: Float32Array): Promise<Engine> {
  const engine = await kind.create(model);
  onTestFinished(() => engine.dispose());
  if (weights) engine.load(weights);
  return engine;
}

const referenceResults = new Map<string, Promise<SliceResult>>();

/** Computed once for all engines: a large slice takes the reference half a second. */
function referenceResult(
  modelName: string,
  size: number,
  draw: typeof randomSlice,
): Promise<SliceResult> {
  const key = `${modelName} ${size} ${draw.name}`;
  const compute = async () => {
    const model = models[modelName];
    const engine = await reference.create(model);
    engine.load(randomWeights(model, 1));
    return engine.gradient(draw(model, size, 2));
  };
  const result = referenceResults.get(key) ?? compute();
  referenceResults.set(key, result);
  return result;
}

/** The engine owns the gradient until its next call. */
function copyOf(result: SliceResult): SliceResult {
  return { ...result, gradient: result.gradient.slice() };
}

/** Compared as bytes, because deep equality of long vectors takes seconds. */
function bitsOf({ gradient, lossSum, correct }: SliceResult): Buffer {
  const vector = Buffer.from(gradient.buffer, gradient.byteOffset, gradient.byteLength);
  return Buffer.concat([vector, Buffer.from(Float64Array.of(lossSum, correct).buffer)]);
}

function largest(values: Float32Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

function largestDifference(left: Float32Array, right: Float32Array): number {
  return largest(left.map((value, at) => value - right[at]));
}
