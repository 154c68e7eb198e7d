// The layers of the reference, forward and backward: each takes a whole slice, because batch norm couples its
// images. Slopes are those of the summed loss.
import { epsilon } from '../../shared/model/batch-norm.ts';
import { fillDropoutMask } from '../../shared/model/dropout.ts';
import type { BatchNormLayer, DropoutLayer, Layer } from '../../shared/model/model.ts';
import { activations } from './activations.ts';

/** One row of values an image. */
export type Rows = readonly Float64Array[];

type LinearLayer = Extract<Layer, { kind: 'linear' }>;

export interface Training {
  /** How often each row counts in the statistics of batch norm. */
  readonly copies: readonly number[];
  /** As of the slice. */
  readonly noise: number;
}

/** Without `training`, a prediction: by the running statistics of batch norm, and nothing dropped. */
export function forward(
  layer: Layer,
  weights: Float64Array,
  inputs: Rows,
  training?: Training,
): Rows {
  switch (layer.kind) {
    case 'linear':
      return inputs.map((input) => forwardLinear(layer, weights, input));
    case 'batch-norm': {
      const normalized = training
        ? normalize(inputs, statisticsOf(inputs, training.copies))
        : normalize(inputs, runningStatistics(layer, weights));
      return normalized.map((row) =>
        row.map((value, at) => {
          return value * weights[layer.weight.offset + at] + weights[layer.bias.offset + at];
        }),
      );
    }
    case 'relu':
    case 'tanh':
    case 'sigmoid':
    case 'gelu':
      return inputs.map((input) => input.map(activations[layer.kind].value));
    case 'dropout':
      return training ? masked(inputs, layer, training.noise) : inputs;
  }
}

export interface BackwardPass extends Training {
  readonly weights: Float64Array;
  readonly inputs: Rows;
  /** The slope of the loss in each output, of all copies of a row together. */
  readonly outputSlopes: Rows;
  /** What this layer's parameters receive is added to it. */
  readonly gradient: Float64Array;
}

/** Returns the slope of the loss in each input, of all copies of a row together. */
export function backward(layer: Layer, pass: BackwardPass): Rows {
  const { inputs, outputSlopes } = pass;
  switch (layer.kind) {
    case 'linear':
      return inputs.map((input, row) => backwardLinear(layer, pass, input, outputSlopes[row]));
    case 'batch-norm':
      return backwardBatchNorm(layer, pass);
    case 'relu':
    case 'tanh':
    case 'sigmoid':
    case 'gelu': {
      const { slope } = activations[layer.kind];
      return inputs.map((input, row) =>
        outputSlopes[row].map((outputSlope, at) => outputSlope * slope(input[at])),
      );
    }
    case 'dropout':
      return masked(outputSlopes, layer, pass.noise);
  }
}

function forwardLinear(
  layer: LinearLayer,
  weights: Float64Array,
  input: Float64Array,
): Float64Array {
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

function backwardLinear(
  layer: LinearLayer,
  { weights, gradient }: BackwardPass,
  input: Float64Array,
  outputSlope: Float64Array,
): Float64Array {
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

function masked(rows: Rows, layer: DropoutLayer, noise: number): Rows {
  const { width } = layer;
  const mask = new Float32Array(rows.length * width);
  fillDropoutMask(mask, layer, noise);
  return rows.map((values, row) => values.map((value, at) => value * mask[row * width + at]));
}

/** Of each column. */
interface Statistics {
  readonly mean: Float64Array;
  /** Biased: the mean square of the distance from the mean. */
  readonly variance: Float64Array;
}

function statisticsOf(rows: Rows, copies: readonly number[]): Statistics {
  const samples = sum(copies);
  const meanOf = (valueAt: (row: number, column: number) => number) =>
    rows[0].map(
      (_, column) => sum(copies.map((times, row) => times * valueAt(row, column))) / samples,
    );
  const mean = meanOf((row, column) => rows[row][column]);
  const variance = meanOf((row, column) => (rows[row][column] - mean[column]) ** 2);
  return { mean, variance };
}

function runningStatistics(layer: BatchNormLayer, weights: Float64Array): Statistics {
  const { runningMean, runningVar, width } = layer;
  return {
    mean: weights.subarray(runningMean.offset, runningMean.offset + width),
    variance: weights.subarray(runningVar.offset, runningVar.offset + width),
  };
}

function normalize(rows: Rows, { mean, variance }: Statistics): Rows {
  return rows.map((row) =>
    row.map((value, at) => (value - mean[at]) / Math.sqrt(variance[at] + epsilon)),
  );
}

/** Mean and variance move with every input: their share is what the slopes have in common, and along the output. */
function backwardBatchNorm(layer: BatchNormLayer, pass: BackwardPass): Rows {
  const { weights, inputs, copies, outputSlopes, gradient } = pass;
  const samples = sum(copies);
  const statistics = statisticsOf(inputs, copies);
  const normalized = normalize(inputs, statistics);
  const inputSlopes = inputs.map(() => new Float64Array(layer.width));
  for (let at = 0; at < layer.width; at++) {
    const common = sum(outputSlopes.map((slopes) => slopes[at]));
    const along = sum(outputSlopes.map((slopes, row) => slopes[at] * normalized[row][at]));
    const variance = statistics.variance[at];
    gradient[layer.bias.offset + at] += common;
    gradient[layer.weight.offset + at] += along;
    gradient[layer.runningMean.offset + at] += samples * statistics.mean[at];
    const unbiased = (variance * samples) / Math.max(samples - 1, 1);
    gradient[layer.runningVar.offset + at] += samples * unbiased;
    const scale = weights[layer.weight.offset + at] / Math.sqrt(variance + epsilon);
    for (const [row, slopes] of outputSlopes.entries()) {
      const shared = (copies[row] * (common + normalized[row][at] * along)) / samples;
      inputSlopes[row][at] = scale * (slopes[at] - shared);
    }
  }
  return inputSlopes;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
