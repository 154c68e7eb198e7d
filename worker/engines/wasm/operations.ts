// What each kind of layer computes, forward and backward. Values and slopes lie feature by feature: one row a
// feature, one column an image, so that weights are never packed.
import type { Layer, Parameter } from '../../../shared/model/model.ts';
import { type Activation, activations } from '../activations.ts';
import { batchNorm } from './batch-norm.ts';
import { dropout } from './dropout.ts';
import { matrixOf, multiply, type ProductTools, transposed } from './matrix.ts';

/** Where a layer finds what it needs: all of it in the memory of the module. */
export interface LayerPlace extends ProductTools {
  readonly images: number;
  readonly weights: Float32Array;
  readonly gradient: Float32Array;
  readonly input: Float32Array;
  readonly output: Float32Array;
  /** Slopes of the loss in the output. */
  readonly outputSlopes: Float32Array;
  /** Undefined where nobody needs them: the first layer's input are the images. */
  readonly inputSlopes: Float32Array | undefined;
}

export interface Operation {
  /** Values an image that it computes. */
  readonly width: number;
  /** Fills `output`, in training; `noise` as of the slice. */
  forward(place: LayerPlace, noise: number): void;
  /** Fills `output` for a prediction, where that is something else. */
  predict?(place: LayerPlace): void;
  /** After `forward`: fills the gradient of its parameters, and `inputSlopes`. */
  backward(place: LayerPlace): void;
}

export function operationOf(layer: Layer): Operation {
  switch (layer.kind) {
    case 'linear':
      return linear(layer);
    case 'batch-norm':
      return batchNorm(layer);
    case 'relu':
      return relu(layer.width);
    case 'tanh':
    case 'sigmoid':
    case 'gelu':
      return elementwise(activations[layer.kind], layer.width);
    case 'dropout':
      return dropout(layer);
  }
}

function linear({ inputs, outputs, weight, bias }: Extract<Layer, { kind: 'linear' }>): Operation {
  return {
    width: outputs,
    forward: (place) => {
      const weights = matrixOf(part(place.weights, weight), outputs, inputs);
      const input = matrixOf(place.input, inputs, place.images);
      multiply(place, weights, input, place.output, part(place.weights, bias));
    },
    backward: (place) => {
      const slopes = matrixOf(place.outputSlopes, outputs, place.images);
      const input = matrixOf(place.input, inputs, place.images);
      multiply(place, slopes, transposed(input), part(place.gradient, weight));
      sumRows(place.outputSlopes, place.images, part(place.gradient, bias));
      if (place.inputSlopes === undefined) return;
      const weights = matrixOf(part(place.weights, weight), outputs, inputs);
      multiply(place, transposed(weights), slopes, place.inputSlopes);
    },
  };
}

function relu(width: number): Operation {
  return {
    width,
    forward: ({ input, output }) => {
      for (let at = 0; at < output.length; at++) output[at] = Math.max(0, input[at]);
    },
    backward: ({ input, inputSlopes, outputSlopes }) => {
      if (inputSlopes === undefined) return;
      for (let at = 0; at < inputSlopes.length; at++) {
        inputSlopes[at] = input[at] > 0 ? outputSlopes[at] : 0;
      }
    },
  };
}

function elementwise({ value, slope }: Activation, width: number): Operation {
  return {
    width,
    forward: ({ input, output }) => {
      for (let at = 0; at < output.length; at++) output[at] = value(input[at]);
    },
    backward: ({ input, inputSlopes, outputSlopes }) => {
      if (inputSlopes === undefined) return;
      for (let at = 0; at < inputSlopes.length; at++) {
        inputSlopes[at] = outputSlopes[at] * slope(input[at]);
      }
    },
  };
}

function part(vector: Float32Array, { offset, size }: Parameter): Float32Array {
  return vector.subarray(offset, offset + size);
}

function sumRows(values: Float32Array, columns: number, sums: Float32Array): void {
  for (let row = 0; row < sums.length; row++) {
    let sum = 0;
    for (let at = row * columns; at < (row + 1) * columns; at++) sum += values[at];
    sums[row] = sum;
  }
}
