// The oracle: plain loops in float64, one image at a time. Slow, and right by inspection.
import type { Engine, EngineKind, Slice, SliceResult } from '../../shared/contracts.ts';
import type { Layer, Model } from '../../shared/model/model.ts';
import { activations } from './activations.ts';

export const reference: EngineKind = {
  // Only the rounding of its float64 sums to float32.
  tolerance: 1e-6,
  providers: ['float64'],
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

  async gradient({ images, labels }: Slice): Promise<SliceResult> {
    const { inputs, layers, parameterCount } = this.#model;
    const gradient = new Float64Array(parameterCount);
    let lossSum = 0;
    let correct = 0;
    for (let sample = 0; sample < labels.length; sample++) {
      const label = labels[sample];
      const image = images.subarray(sample * inputs, (sample + 1) * inputs);
      const activations = this.#forward(image);
      const logits = activations[layers.length];
      const logProbabilities = logSoftmax(logits);
      lossSum -= logProbabilities[label];
      if (argmax(logits) === label) correct++;

      let slope: Float64Array = logProbabilities.map(Math.exp);
      slope[label] -= 1;
      for (let depth = layers.length - 1; depth >= 0; depth--) {
        slope = backward(layers[depth], this.#weights, activations[depth], slope, gradient);
      }
    }
    return { gradient: Float32Array.from(gradient), lossSum, correct };
  }

  async predict(images: Uint8Array): Promise<Float32Array> {
    const { inputs, classes, layers } = this.#model;
    const count = images.length / inputs;
    const logits = new Float32Array(count * classes);
    for (let sample = 0; sample < count; sample++) {
      const image = images.subarray(sample * inputs, (sample + 1) * inputs);
      logits.set(this.#forward(image)[layers.length], sample * classes);
    }
    return logits;
  }

  async dispose(): Promise<void> {}

  /** The input of every layer and, last, the logits. */
  #forward(image: Uint8Array): Float64Array[] {
    const activations: Float64Array[] = [
      Float64Array.from(image, (pixel) => (pixel / 255 - 0.5) / 0.5),
    ];
    for (const layer of this.#model.layers) {
      activations.push(forward(layer, this.#weights, activations[activations.length - 1]));
    }
    return activations;
  }
}

function forward(layer: Layer, weights: Float64Array, input: Float64Array): Float64Array {
  switch (layer.kind) {
    case 'linear': {
      const output = new Float64Array(layer.outputs);
      for (let row = 0; row < layer.outputs; row++) {
        const start = layer.weight.offset + row * layer.inputs;
        let sum = weights[layer.bias.offset + row];
        for (let column = 0; column < layer.inputs; column++) {
          sum += weights[start + column] * input[column];
        }
        output[row] = sum;
      }
      return output;
    }
    case 'relu':
    case 'tanh':
    case 'sigmoid':
    case 'gelu':
      return input.map(activations[layer.kind].value);
  }
}

/** Adds to `gradient` what this layer's parameters receive; returns the slope of the loss in its input. */
function backward(
  layer: Layer,
  weights: Float64Array,
  input: Float64Array,
  outputSlope: Float64Array,
  gradient: Float64Array,
): Float64Array {
  switch (layer.kind) {
    case 'linear': {
      const inputSlope = new Float64Array(layer.inputs);
      for (let row = 0; row < layer.outputs; row++) {
        const start = layer.weight.offset + row * layer.inputs;
        const slope = outputSlope[row];
        gradient[layer.bias.offset + row] += slope;
        for (let column = 0; column < layer.inputs; column++) {
          gradient[start + column] += slope * input[column];
          inputSlope[column] += slope * weights[start + column];
        }
      }
      return inputSlope;
    }
    case 'relu':
    case 'tanh':
    case 'sigmoid':
    case 'gelu': {
      const { slope } = activations[layer.kind];
      return outputSlope.map((value, index) => value * slope(input[index]));
    }
  }
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
