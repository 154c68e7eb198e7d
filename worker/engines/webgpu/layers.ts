// What each kind of layer dispatches, forward and backward.
import type { DropoutLayer, Layer } from '../../../shared/model/model.ts';
import { activate, activationSlope } from './activation.ts';
import {
  batchNormGradients,
  batchNormSlope,
  batchStatistics,
  normalize,
  runningStatistics,
} from './batch-norm.ts';
import { columnSum } from './column-sum.ts';
import type { Dispatch } from './dispatch.ts';
import { applyMask, copyValues } from './dropout.ts';
import { matrixProduct, rowMajor, transposed } from './matrix-product.ts';

/** Names of the buffers around a layer, each with `rows` rows, and of those that all layers share. */
export interface LayerPlace {
  readonly rows: number;
  readonly input: string;
  readonly output: string;
  readonly inputSlope: string;
  readonly outputSlope: string;
  /** Of the layer alone, `statisticsLength` long: for batch norm the mean, then 1 / sqrt(variance + epsilon). */
  readonly statistics: string;
  /** Of the layer alone, [rows, width], for dropout. */
  readonly mask: string;
  /** Flat, as in the model. */
  readonly weights: string;
  readonly gradient: string;
}

export interface LayerDispatches {
  /** Values of a row of the output. */
  readonly width: number;
  readonly statisticsLength: number;
  readonly forward: readonly Dispatch[];
  /** In the place of `forward`, when there is nothing to learn. */
  readonly prediction: readonly Dispatch[];
  readonly parameterGradients: readonly Dispatch[];
  readonly inputGradient: readonly Dispatch[];
  /** Whose mask is to be filled before the passes of training. */
  readonly dropout?: DropoutLayer;
}

export function layerDispatches(layer: Layer, place: LayerPlace): LayerDispatches {
  switch (layer.kind) {
    case 'linear': {
      const { rows, gradient } = place;
      const { inputs, outputs, weight, bias } = layer;
      const input = rowMajor(place.input, rows, inputs);
      const outputSlope = rowMajor(place.outputSlope, rows, outputs);
      const weights = rowMajor(place.weights, outputs, inputs, weight.offset);
      const forward = [
        matrixProduct(input, transposed(weights), {
          buffer: place.output,
          biasOffset: bias.offset,
        }),
      ];
      return {
        width: outputs,
        statisticsLength: 0,
        forward,
        prediction: forward,
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
    case 'batch-norm':
      return {
        width: layer.width,
        statisticsLength: 2 * layer.width,
        forward: [batchStatistics(layer, place), normalize(layer, place)],
        prediction: [runningStatistics(layer, place), normalize(layer, place)],
        parameterGradients: [batchNormGradients(layer, place)],
        inputGradient: [batchNormSlope(layer, place)],
      };
    case 'dropout': {
      const { width } = layer;
      const { rows, mask, input, output, inputSlope, outputSlope } = place;
      const values = { rows, columns: width, input, output };
      const slopes = { rows, columns: width, input: outputSlope, output: inputSlope };
      return {
        width,
        statisticsLength: 0,
        forward: [applyMask({ ...values, mask })],
        prediction: [copyValues(values)],
        parameterGradients: [],
        inputGradient: [applyMask({ ...slopes, mask })],
        dropout: layer,
      };
    }
    case 'relu':
    case 'tanh':
    case 'sigmoid':
    case 'gelu': {
      const { width } = layer;
      const matrices = { ...place, columns: width };
      const forward = [activate(layer, matrices)];
      return {
        width,
        statisticsLength: 0,
        forward,
        prediction: forward,
        parameterGradients: [],
        inputGradient: [activationSlope(layer, matrices)],
      };
    }
  }
}
