// Some engines fail without a sound: zeros where a driver lacks something, wrong rows at one batch size.
// So a worker proves its engine before it joins, at the very slice size that it will run.
import type { Engine, Slice, SliceResult } from '../../shared/contracts.ts';
import {
  dropoutsOf,
  initialWeights,
  type Model,
  type Parameter,
} from '../../shared/model/model.ts';
import { createRandom } from '../../shared/random.ts';
import { gradientOfCopies, nearestKink } from './reference.ts';

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

// Nearer to zero, rounding alone may put a ReLU on the other side: then two right gradients are far apart.
const roundingAtKink = 2e-6;
const mostDraws = 4;
// The slice repeats a few images, so that the float64 loops stay short. An odd number of them, so that
// rows a power of two apart differ.
const distinctImages = 7;
// Of few images batch norm makes nearly the same numbers, whatever they show: two become -1 and 1. What is left
// of the gradient is then mostly rounding, and so it is where one image comes very often.
const batchNormImages = { distinct: 13, least: 13, most: 64 };
// What each batch norm on the way back does to the rounding that comes to it, measured with up to 20 of them.
const batchNormMagnifies = 1.25;
const warmupCalls = 3;
const timedCalls = 20;
// A slow engine is timed over fewer calls.
const timingLimitMs = 1000;
/** In place of no time at all. */
const shortestMs = 1e-3;

/**
 * Throws when the engine computes wrongly, else says how fast it is. Leaves its own weights loaded. With batch norm
 * the slice that is proven may be smaller or larger than the one that is timed.
 */
export async function proveEngine(
  engine: Engine,
  { model, tolerance, sliceSize, now = () => performance.now() }: ProofOptions,
): Promise<EngineProof> {
  const { distinctCount, provenSize, magnification } = proofTerms(model, sliceSize);
  const copies = copiesOf(distinctCount, provenSize);
  const draws = [randomSlice, framedSlice].map((draw) => drawProof(model, copies, draw));
  let maxError = 0;
  for (const { distinct, weights } of draws) {
    engine.load(weights);
    const actual = await engine.gradient(repeatImages(distinct, provenSize));
    const expected = gradientOfCopies(model, Float64Array.from(weights), distinct, copies);
    const worst = worstError(model, actual.gradient, expected.gradient);
    const fault = describeFault(actual, expected, worst, tolerance * magnification);
    if (fault) {
      throw new Error(`engine ${engine.label}: ${fault}; use another engine on this machine`);
    }
    maxError = Math.max(maxError, worst.error);
  }

  const slice = repeatImages(draws.at(-1)!.distinct, sliceSize);
  for (let call = 0; call < warmupCalls; call++) await engine.gradient(slice);
  const startMs = now();
  let calledMs = startMs;
  const times: number[] = [];
  while (times.length < timedCalls && calledMs - startMs < timingLimitMs) {
    await engine.gradient(slice);
    const returnedMs = now();
    times.push(returnedMs - calledMs);
    calledMs = returnedMs;
  }
  // A browser's clock may stand still for a tenth of a millisecond.
  const mean = (calledMs - startMs) / times.length;
  // The shortest: other programs take the processor away for a while, most of all when all workers of a machine start.
  const millisecondsPerSlice = Math.min(...times) || mean || shortestMs;
  const samplesPerSecond = (sliceSize * 1000) / millisecondsPerSlice;
  return { maxError, millisecondsPerSlice, samplesPerSecond };
}

/** On what slice an engine is proven, and how much of its tolerance it may use up. */
function proofTerms(model: Model, sliceSize: number) {
  const terms = batchNormTerms(model, sliceSize);
  // Of two copies of an image dropout leaves out different values.
  return dropoutsOf(model).length === 0 ? terms : { ...terms, distinctCount: terms.provenSize };
}

function batchNormTerms({ layers }: Model, sliceSize: number) {
  const batchNorms = layers.filter(({ kind }) => kind === 'batch-norm').length;
  const magnification = batchNormMagnifies ** batchNorms;
  if (batchNorms === 0) {
    return { distinctCount: distinctImages, provenSize: sliceSize, magnification };
  }
  const { distinct, least, most } = batchNormImages;
  // One image is another matter: nothing is left of it but the bias.
  const provenSize = sliceSize === 1 ? 1 : Math.min(Math.max(sliceSize, least), most);
  return { distinctCount: distinct, provenSize, magnification };
}

interface ProofDraw {
  readonly distinct: Slice;
  readonly weights: Float32Array;
}

/** The first that leaves every ReLU clearly on one side; of a very wide network, the last. */
function drawProof(
  model: Model,
  copies: readonly number[],
  drawSlice: typeof randomSlice,
): ProofDraw {
  const drawOf = (seed: number): ProofDraw => {
    return {
      distinct: drawSlice(model, copies.length, seed),
      weights: randomWeights(model, seed),
    };
  };
  const isClear = ({ distinct, weights }: ProofDraw): boolean =>
    nearestKink(model, Float64Array.from(weights), distinct, copies) > roundingAtKink;
  let draw = drawOf(0);
  for (let seed = 1; seed < mostDraws && !isClear(draw); seed++) draw = drawOf(seed);
  return draw;
}

/** Initial weights, but nothing is 0 or 1 throughout: a mistake with those would not show. */
export function randomWeights(model: Model, seed: number): Float32Array {
  const weights = initialWeights(model, seed);
  for (const { name, offset, size, initial } of model.parameters) {
    if ('bound' in initial) continue;
    const random = createRandom(seed, 'constant', name);
    for (let at = offset; at < offset + size; at++) weights[at] += random.uniform() / 2;
  }
  return weights;
}

/** Images like handwriting: a quarter of the pixels is ink. */
export function randomSlice({ inputs, classes }: Model, count: number, seed: number): Slice {
  const random = createRandom(seed, 'slice');
  const pixel = () => (random.below(4) === 0 ? random.below(256) : 0);
  return {
    images: Uint8Array.from({ length: count * inputs }, pixel),
    labels: Uint8Array.from({ length: count }, () => random.below(classes)),
    noise: seed,
  };
}

/** The same, but that half of the pixels, in stretches, are the same on all: engines may leave such out. */
export function framedSlice(model: Model, count: number, seed: number): Slice {
  const slice = randomSlice(model, count, seed);
  const random = createRandom(seed, 'frame');
  let isFrame = false;
  for (let pixel = 0; pixel < model.inputs; pixel++) {
    if (random.below(10) === 0) isFrame = !isFrame;
    if (!isFrame) continue;
    const brightness = random.below(256);
    for (let at = pixel; at < slice.images.length; at += model.inputs)
      slice.images[at] = brightness;
  }
  return slice;
}

interface TensorError {
  readonly parameter: string;
  readonly error: number;
}

/**
 * The parameter tensor furthest off: largest |gradient - expected| over its largest |expected|, or over that of its
 * yardstick.
 */
export function worstError(
  model: Model,
  gradient: Float32Array,
  expected: Float32Array,
): TensorError {
  let worst: TensorError = { parameter: model.parameters[0].name, error: 0 };
  const yardsticks = yardsticksOf(model);
  for (const parameter of model.parameters) {
    const { name, offset, size } = parameter;
    let difference = 0;
    for (let at = offset; at < offset + size; at++) {
      difference = Math.max(difference, Math.abs(gradient[at] - expected[at]));
    }
    const yardstick = yardsticks.get(parameter) ?? parameter;
    const scale = Math.max(largestIn(expected, parameter), largestIn(expected, yardstick));
    const relative = difference === 0 ? 0 : difference / scale;
    // NaN compares as no error at all.
    const error = Number.isNaN(relative) ? Number.POSITIVE_INFINITY : relative;
    if (error > worst.error) worst = { parameter: name, error };
  }
  return worst;
}

function largestIn(values: Float32Array, { offset, size }: Parameter): number {
  let largest = 0;
  for (let at = offset; at < offset + size; at++) largest = Math.max(largest, Math.abs(values[at]));
  return largest;
}

/**
 * What else a tensor is measured against when its own values are sums whose terms cancel. Batch norm takes out what a
 * bias before it adds, with at most Linear layers between, so that the gradient of such a bias is 0: its weight's.
 * And the mean of normalized values is about 0: their variance.
 */
function yardsticksOf({ layers }: Model): Map<Parameter, Parameter> {
  const yardsticks = new Map<Parameter, Parameter>();
  for (const [depth, layer] of layers.entries()) {
    const next = layers.slice(depth + 1).find(({ kind }) => kind !== 'linear');
    if ('bias' in layer && next?.kind === 'batch-norm') yardsticks.set(layer.bias, layer.weight);
    if (layer.kind === 'batch-norm') yardsticks.set(layer.runningMean, layer.runningVar);
  }
  return yardsticks;
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

function repeatImages({ images, labels, noise }: Slice, count: number): Slice {
  const pixels = images.length / labels.length;
  return {
    images: Uint8Array.from({ length: count * pixels }, (_, at) => images[at % images.length]),
    labels: Uint8Array.from({ length: count }, (_, at) => labels[at % labels.length]),
    noise,
  };
}

/** How often each of `distinct` images comes among the `count` that repeat them. */
function copiesOf(distinct: number, count: number): number[] {
  return Array.from({ length: distinct }, (_, image) => {
    return Math.max(0, Math.ceil((count - image) / distinct));
  });
}
