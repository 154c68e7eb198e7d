// The oracle: plain loops in float64. Slow, and right by inspection.
import type { Engine, EngineKind, Slice, SliceResult } from '../../shared/contracts.ts';
import { smoothTargets } from '../../shared/model/label-smoothing.ts';
import type { Model } from '../../shared/model/model.ts';
import { backward, forward, type Rows, type Training } from './reference-layers.ts';

export const reference: EngineKind = {
  // Only the rounding of its float64 sums to float32.
  tolerance: 1e-6,
  providers: ['float64'],
  // Nothing is slower.
  onRequest: ['float64'],
  create: async (model) => new ReferenceEngine(model),
};

class ReferenceEngine implements Engine {
  readonly label = 'reference:float64';
  readonly #model: Model;
  readonly #weights: Float64Array;

  constructor(model: Model) {
    this.#model = model;
    this.#weights = new Float64Array(model.parameterCount);
  }

  load(weights: Float32Array): void {
    this.#weights.set(weights);
  }

  async gradient(slice: Slice): Promise<SliceResult> {
    const copies = Array.from(slice.labels, () => 1);
    return gradientOfCopies(this.#model, this.#weights, slice, copies);
  }

  async predict(images: Uint8Array): Promise<Float32Array> {
    const { inputs, classes, layers } = this.#model;
    const logits = layers.reduce(
      (rows, layer) => forward(layer, this.#weights, rows),
      pixelRows(images, inputs),
    );
    const flat = new Float32Array(logits.length * classes);
    for (const [image, row] of logits.entries()) flat.set(row, image * classes);
    return flat;
  }

  async dispose(): Promise<void> {}
}

/** The result for a slice in which image n comes `copies[n]` times: once each, if the network has dropout. */
export function gradientOfCopies(
  { inputs, classes, labelSmoothing, layers, parameterCount }: Model,
  weights: Float64Array,
  { images, labels, noise = 0 }: Slice,
  copies: readonly number[],
): SliceResult {
  const training: Training = { copies, noise };
  const targets = smoothTargets(labelSmoothing, classes);
  /** The input of every layer and, last, the logits. */
  const activations = [pixelRows(images, inputs)];
  for (const layer of layers) {
    activations.push(forward(layer, weights, activations.at(-1)!, training));
  }
  let lossSum = 0;
  let correct = 0;
  let outputSlopes: Rows = activations[layers.length].map((logits, image) => {
    const [label, times] = [labels[image], copies[image]];
    const logProbabilities = logSoftmax(logits);
    if (argmax(logits) === label) correct += times;
    return logProbabilities.map((value, answer) => {
      const target = answer === label ? targets.label : targets.other;
      if (target > 0) lossSum -= times * target * value;
      return times * (Math.exp(value) - target);
    });
  });
  const gradient = new Float64Array(parameterCount);
  for (let depth = layers.length - 1; depth >= 0; depth--) {
    const pass = { ...training, weights, inputs: activations[depth], outputSlopes, gradient };
    outputSlopes = backward(layers[depth], pass);
  }
  return { gradient: Float32Array.from(gradient), lossSum, correct };
}

/** The smallest size of what any ReLU of the network sees, 0 apart. */
export function nearestKink(
  { inputs, layers }: Model,
  weights: Float64Array,
  { images, noise = 0 }: Slice,
  copies: readonly number[],
): number {
  let nearest = Number.POSITIVE_INFINITY;
  let rows = pixelRows(images, inputs);
  for (const layer of layers) {
    for (const row of layer.kind === 'relu' ? rows : []) {
      for (const value of row) if (value !== 0) nearest = Math.min(nearest, Math.abs(value));
    }
    rows = forward(layer, weights, rows, { copies, noise });
  }
  return nearest;
}

function pixelRows(images: Uint8Array, inputs: number): Rows {
  return Array.from({ length: images.length / inputs }, (_, image) => {
    const pixels = images.subarray(image * inputs, (image + 1) * inputs);
    return Float64Array.from(pixels, (pixel) => (pixel / 255 - 0.5) / 0.5);
  });
}

/** Shifted by the largest logit, so that no exponential overflows. */
function logSoftmax(logits: Float64Array): Float64Array {
  const largest = Math.max(...logits);
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0);
  return logits.map((logit) => logit - largest - Math.log(total));
}

/** The first of equals. */
function argmax(values: Float64Array): number {
  return values.indexOf(Math.max(...values));
}
