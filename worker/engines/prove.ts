// Some engines fail without a sound: zeros where a driver lacks something, wrong rows at one batch size.
// So a worker proves its engine before it joins, at the very slice size that it will run.
import type { Engine, Slice, SliceResult } from '../../shared/contracts.ts';
import { initialWeights, type Model } from '../../shared/model/model.ts';
import { createRandom } from '../../shared/random.ts';
import { reference } from './reference.ts';

export interface ProofOptions {
  readonly model: Model;
  /** What the engine's kind promises. */
  readonly tolerance: number;
  readonly sliceSize: number;
  /** A monotonic clock, in milliseconds. */
  readonly now?: () => number;
}

export interface EngineProof {
  /** Largest |gradient - reference| over the largest |reference|, in the worst parameter tensor. */
  readonly maxError: number;
  readonly millisecondsPerSlice: number;
  readonly samplesPerSecond: number;
}

const proofSeed = 0;
// The slice repeats a few images, so that the float64 loops stay short. An odd number of them, so that
// rows a power of two apart differ.
const distinctImages = 7;
const warmupCalls = 3;
const timedCalls = 20;
// A slow engine is timed over fewer calls.
const timingLimitMs = 1000;

/** Throws when the engine computes wrongly, else says how fast it is. Leaves its own weights loaded. */
export async function proveEngine(
  engine: Engine,
  { model, tolerance, sliceSize, now = () => performance.now() }: ProofOptions,
): Promise<EngineProof> {
  const distinct = randomSlice(model, distinctImages, proofSeed);
  const slice = repeatImages(distinct, sliceSize);
  const weights = initialWeights(model, proofSeed);
  engine.load(weights);
  const actual = await engine.gradient(slice);
  const expected = await expectedResult(model, weights, distinct, sliceSize);
  const worst = worstError(model, actual.gradient, expected.gradient);
  const fault = describeFault(actual, expected, worst, tolerance);
  if (fault) {
    throw new Error(`engine ${engine.label}: ${fault}; use another engine on this machine`);
  }

  for (let call = 0; call < warmupCalls; call++) await engine.gradient(slice);
  const startMs = now();
  let elapsedMs = 0;
  let calls = 0;
  while (calls < timedCalls && elapsedMs < timingLimitMs) {
    await engine.gradient(slice);
    elapsedMs = now() - startMs;
    calls++;
  }
  const millisecondsPerSlice = elapsedMs / calls;
  const samplesPerSecond = (sliceSize * 1000) / millisecondsPerSlice;
  return { maxError: worst.error, millisecondsPerSlice, samplesPerSecond };
}

/** Images like handwriting: a quarter of the pixels is ink. */
export function randomSlice({ inputs, classes }: Model, count: number, seed: number): Slice {
  const random = createRandom(seed, 'slice');
  const pixel = () => (random.below(4) === 0 ? random.below(256) : 0);
  return {
    images: Uint8Array.from({ length: count * inputs }, pixel),
    labels: Uint8Array.from({ length: count }, () => random.below(classes)),
  };
}

interface TensorError {
  readonly parameter: string;
  readonly error: number;
}

/** The parameter tensor furthest off: largest |gradient - expected| over its largest |expected|. */
export function worstError(
  model: Model,
  gradient: Float32Array,
  expected: Float32Array,
): TensorError {
  let worst: TensorError = { parameter: model.parameters[0].name, error: 0 };
  for (const { name, offset, size } of model.parameters) {
    let difference = 0;
    let scale = 0;
    for (let at = offset; at < offset + size; at++) {
      difference = Math.max(difference, Math.abs(gradient[at] - expected[at]));
      scale = Math.max(scale, Math.abs(expected[at]));
    }
    const relative = difference === 0 ? 0 : difference / scale;
    // NaN compares as no error at all.
    const error = Number.isNaN(relative) ? Number.POSITIVE_INFINITY : relative;
    if (error > worst.error) worst = { parameter: name, error };
  }
  return worst;
}

function describeFault(
  actual: SliceResult,
  expected: SliceResult,
  worst: TensorError,
  tolerance: number,
): string | undefined {
  if (worst.error > tolerance) {
    return (
      `the gradient of ${worst.parameter} is off by ${worst.error.toExponential(1)} ` +
      `of its largest value, where ${tolerance.toExponential(1)} is allowed`
    );
  }
  const lossError = Math.abs(actual.lossSum - expected.lossSum) / expected.lossSum;
  if (!(lossError <= tolerance)) {
    return `the summed loss is ${actual.lossSum}, where ${expected.lossSum} is right`;
  }
  if (actual.correct !== expected.correct) {
    return `it counts ${actual.correct} images as correct, where ${expected.correct} are`;
  }
  return undefined;
}

function repeatImages({ images, labels }: Slice, count: number): Slice {
  const pixels = images.length / labels.length;
  return {
    images: Uint8Array.from({ length: count * pixels }, (_, at) => images[at % images.length]),
    labels: Uint8Array.from({ length: count }, (_, at) => labels[at % labels.length]),
  };
}

/** The reference's result for `distinct` repeated up to `count` images: so many times it, and the rest. */
async function expectedResult(
  model: Model,
  weights: Float32Array,
  distinct: Slice,
  count: number,
): Promise<SliceResult> {
  const oracle = await reference.create(model);
  oracle.load(weights);
  const times = Math.floor(count / distinct.labels.length);
  const once = await oracle.gradient(distinct);
  const repeated = once.gradient.map((value) => value * times);
  const rest = await oracle.gradient(repeatImages(distinct, count % distinct.labels.length));
  return {
    gradient: repeated.map((value, at) => value + rest.gradient[at]),
    lossSum: once.lossSum * times + rest.lossSum,
    correct: once.correct * times + rest.correct,
  };
}
