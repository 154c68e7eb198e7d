// Batch normalization over the images of a slice: z = (x - mean) / sqrt(variance + epsilon), z * weight + bias.
import { epsilon } from '../../../shared/model/batch-norm.ts';
import type { BatchNormLayer } from '../../../shared/model/model.ts';
import { workgroupSum } from './column-sum.ts';
import { type Dispatch, tile, tilesOf } from './dispatch.ts';
import { elementwise } from './elementwise.ts';
import type { LayerPlace } from './layers.ts';

const batchStatisticsCode = /* wgsl */ `
struct Shape {
  rows: u32,
  columns: u32,
  meanOffset: u32,
  varianceOffset: u32,
}
@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read_write> statistics: array<f32>;
@group(0) @binding(3) var<storage, read_write> sums: array<f32>;
${workgroupSum}
@compute @workgroup_size(${tile}, ${tile})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let isInside = id.x < shape.columns;
  var sum = 0.0;
  for (var row = local.y; isInside && row < shape.rows; row += ${tile}) {
    sum += input[row * shape.columns + id.x];
  }
  let rows = f32(shape.rows);
  let whole = total(sum, local);
  let mean = whole / rows;
  sum = 0.0;
  for (var row = local.y; isInside && row < shape.rows; row += ${tile}) {
    let centred = input[row * shape.columns + id.x] - mean;
    sum += centred * centred;
  }
  let squares = total(sum, local);
  if (!isInside || local.y != 0) { return; }
  statistics[id.x] = mean;
  statistics[shape.columns + id.x] = 1.0 / sqrt(squares / rows + ${epsilon});
  // In the place of the gradient that a buffer does not have: so many times the mean and the unbiased variance.
  sums[shape.meanOffset + id.x] = whole;
  sums[shape.varianceOffset + id.x] = squares * rows / max(rows - 1.0, 1.0);
}
`;

const parameterGradientsCode = /* wgsl */ `
struct Shape {
  rows: u32,
  columns: u32,
  weightOffset: u32,
  biasOffset: u32,
}
@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read> outputSlope: array<f32>;
@group(0) @binding(3) var<storage, read> statistics: array<f32>;
@group(0) @binding(4) var<storage, read_write> gradient: array<f32>;
${workgroupSum}
@compute @workgroup_size(${tile}, ${tile})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_id) local: vec3u) {
  var across = 0.0;
  var along = 0.0;
  if (id.x < shape.columns) {
    let mean = statistics[id.x];
    let scale = statistics[shape.columns + id.x];
    for (var row = local.y; row < shape.rows; row += ${tile}) {
      let at = row * shape.columns + id.x;
      across += outputSlope[at];
      along += outputSlope[at] * (input[at] - mean) * scale;
    }
  }
  let biasGradient = total(across, local);
  let weightGradient = total(along, local);
  if (id.x >= shape.columns || local.y != 0) { return; }
  gradient[shape.biasOffset + id.x] = biasGradient;
  gradient[shape.weightOffset + id.x] = weightGradient;
}
`;

/** Of the slice: what training normalizes by. Also fills the places of the running statistics in the gradient. */
export function batchStatistics(layer: BatchNormLayer, place: LayerPlace): Dispatch {
  const { width, runningMean, runningVar } = layer;
  return {
    code: batchStatisticsCode,
    shape: [place.rows, width, runningMean.offset, runningVar.offset],
    buffers: [place.input, place.statistics, place.gradient],
    workgroups: tilesOf(1, width),
  };
}

/** Of the training so far: what a prediction normalizes by. */
export function runningStatistics(layer: BatchNormLayer, place: LayerPlace): Dispatch {
  return elementwise({
    rows: 1,
    columns: layer.width,
    buffers: { weights: place.weights, statistics: place.statistics },
    offsets: { mean: layer.runningMean.offset, variance: layer.runningVar.offset },
    code: /* wgsl */ `
fn compute(at: u32, column: u32) {
  statistics[at] = weights[shape.mean + at];
  statistics[shape.columns + at] = 1.0 / sqrt(weights[shape.variance + at] + ${epsilon});
}
`,
  });
}

/** `output`, by the statistics that were computed last. */
export function normalize(layer: BatchNormLayer, place: LayerPlace): Dispatch {
  const { rows, input, statistics, weights, output } = place;
  return elementwise({
    rows,
    columns: layer.width,
    buffers: { input, statistics, weights, output },
    offsets: { weight: layer.weight.offset, bias: layer.bias.offset },
    code: /* wgsl */ `
fn compute(at: u32, column: u32) {
  let normalized = (input[at] - statistics[column]) * statistics[shape.columns + column];
  output[at] = normalized * weights[shape.weight + column] + weights[shape.bias + column];
}
`,
  });
}

export function batchNormGradients(layer: BatchNormLayer, place: LayerPlace): Dispatch {
  return {
    code: parameterGradientsCode,
    shape: [place.rows, layer.width, layer.weight.offset, layer.bias.offset],
    buffers: [place.input, place.outputSlope, place.statistics, place.gradient],
    workgroups: tilesOf(1, layer.width),
  };
}

/**
 * Comes after `batchNormGradients`. Mean and variance depend on x, too: with g the output's slope it is
 * weight / sqrt(variance + epsilon) * (g - mean(g) - z * mean(g * z)).
 */
export function batchNormSlope(layer: BatchNormLayer, place: LayerPlace): Dispatch {
  const { rows, input, statistics, weights, gradient, outputSlope, inputSlope } = place;
  return elementwise({
    rows,
    columns: layer.width,
    buffers: { input, statistics, weights, gradient, outputSlope, inputSlope },
    offsets: { weight: layer.weight.offset, bias: layer.bias.offset },
    code: /* wgsl */ `
fn compute(at: u32, column: u32) {
  let rows = f32(shape.rows);
  let scale = statistics[shape.columns + column];
  let normalized = (input[at] - statistics[column]) * scale;
  let across = gradient[shape.bias + column] / rows;
  let along = gradient[shape.weight + column] / rows;
  let rest = outputSlope[at] - across - normalized * along;
  inputSlope[at] = rest * weights[shape.weight + column] * scale;
}
`,
  });
}
