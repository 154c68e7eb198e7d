// Batch norm over the rows of a slice, one a feature. Sums are in float64: they cost little beside a product.
import { epsilon } from '../../../shared/model/batch-norm.ts';
import type { BatchNormLayer } from '../../../shared/model/model.ts';
import type { LayerPlace, Operation } from './operations.ts';

export function batchNorm(layer: BatchNormLayer): Operation {
  const { width, runningMean, runningVar } = layer;
  return {
    width,
    forward: (place) => {
      for (let row = 0; row < width; row++) {
        normalizeRow(layer, place, row, statisticsOf(place, row));
      }
    },
    predict: (place) => {
      const { weights } = place;
      for (let row = 0; row < width; row++) {
        const mean = weights[runningMean.offset + row];
        normalizeRow(layer, place, row, { mean, variance: weights[runningVar.offset + row] });
      }
    },
    backward: (place) => {
      for (let row = 0; row < width; row++) backwardRow(layer, place, row);
    },
  };
}

interface Statistics {
  readonly mean: number;
  /** Biased: the mean square of the distance from the mean. */
  readonly variance: number;
}

function statisticsOf({ images, input }: LayerPlace, row: number): Statistics {
  const [first, end] = [row * images, (row + 1) * images];
  let sum = 0;
  for (let at = first; at < end; at++) sum += input[at];
  const mean = sum / images;
  let squares = 0;
  for (let at = first; at < end; at++) squares += (input[at] - mean) ** 2;
  return { mean, variance: squares / images };
}

function normalizeRow(
  { weight, bias }: BatchNormLayer,
  { images, weights, input, output }: LayerPlace,
  row: number,
  { mean, variance }: Statistics,
): void {
  const scale = weights[weight.offset + row] / Math.sqrt(variance + epsilon);
  const shift = weights[bias.offset + row];
  for (let at = row * images; at < (row + 1) * images; at++) {
    output[at] = (input[at] - mean) * scale + shift;
  }
}

/** Mean and variance depend on each input: w/s * (g - mean(g) - z * mean(g * z)), with s the deviation. */
function backwardRow(layer: BatchNormLayer, place: LayerPlace, row: number): void {
  const { weight, bias, runningMean, runningVar } = layer;
  const { images, weights, gradient, input, inputSlopes, outputSlopes } = place;
  const { mean, variance } = statisticsOf(place, row);
  const deviation = Math.sqrt(variance + epsilon);
  const [first, end] = [row * images, (row + 1) * images];
  let common = 0;
  let along = 0;
  for (let at = first; at < end; at++) {
    common += outputSlopes[at];
    along += (outputSlopes[at] * (input[at] - mean)) / deviation;
  }
  gradient[bias.offset + row] = common;
  gradient[weight.offset + row] = along;
  gradient[runningMean.offset + row] = images * mean;
  // The samples times the unbiased variance; there is none of a single one.
  gradient[runningVar.offset + row] = (images * variance * images) / Math.max(images - 1, 1);
  if (inputSlopes === undefined) return;
  const scale = weights[weight.offset + row] / deviation;
  for (let at = first; at < end; at++) {
    const normalized = (input[at] - mean) / deviation;
    inputSlopes[at] = scale * (outputSlopes[at] - (common + normalized * along) / images);
  }
}
