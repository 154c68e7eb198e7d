// What each kind of layer dispatches, forward and backward.
import type { Layer } from '../../../shared/model/model.ts';
import { activate, activationSlope, relu } from './activation.ts';
import { columnSum } from './column-sum.ts';
import type { Dispatch } from './dispatch.ts';
import { matrixProduct, rowMajor, transposed } from './matrix-product.ts';

/** Names of the buffers around a layer, each with `rows` rows, and of those that all layers share. */
export interface LayerPlace {
  readonly rows: number;
  readonly input: string;
  readonly output: string;
  readonly inputSlope: string;
  readonly outputSlope: string;
  /** Flat, as in the model. */
  readonly weights: string;
  readonly gradient: string;
}

export interface LayerDispatches {
  /** Values of a row of the output. */
  readonly width: number;
  readonly forward: readonly Dispatch[];
  readonly parameterGradients: readonly Dispatch[];
  readonly inputGradient: readonly Dispatch[];
}

export function layerDispatches(layer: Layer, place: LayerPlace): LayerDispatches {
  switch (layer.kind) {
    case 'linear': {
      const { rows, gradient } = place;
      const { inputs, outputs, weight, bias } = layer;
      const input = rowMajor(place.input, rows, inputs);
      const outputSlope = rowMajor(place.outputSlope, rows, outputs);
      const weights = rowMajor(place.weights, outputs, inputs, weight.offset);
      return {
        width: outputs,
        forward: [
          matrixProduct(input, transposed(weights), {
            buffer: place.output,
            biasOffset: bias.offset,
          }),
        ],
        parameterGradients: [
          matrixProduct(transposed(outputSlope), input, {
            buffer: gradient,
            offset: weight.offset,
          }),
          columnSum({
            values: place.outputSlope,
            rows,
            columns: outputs,
            sums: gradient,
            sumsOffset: bias.offset,
          }),
        ],
        inputGradient: [matrixProduct(outputSlope, weights, { buffer: place.inputSlope })],
      };
    }
    case 'relu': {
      const { width } = layer;
      const matrices = { ...place, columns: width };
      return {
        width,
        forward: [activate(relu, matrices)],
        parameterGradients: [],
        inputGradient: [activationSlope(relu, matrices)],
      };
    }
  }
}
