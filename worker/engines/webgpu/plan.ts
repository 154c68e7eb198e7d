// A pass over a slice as a list of dispatches: what runs, on which buffers, in which order. Pure; the engine
// executes it.
import type { DropoutLayer, Model } from '../../../shared/model/model.ts';
import { columnSum } from './column-sum.ts';
import { crossEntropy } from './cross-entropy.ts';
import type { Dispatch } from './dispatch.ts';
import { layerDispatches } from './layers.ts';
import { scaledPixels } from './scaled-pixels.ts';

export interface Plan {
  /** Bytes of the buffers that the dispatches name, a multiple of 4 each. */
  readonly bufferBytes: Readonly<Record<string, number>>;
  /** From `images` to `logits`. */
  readonly prediction: readonly Dispatch[];
  /** From `images` and `labels` to `results`. */
  readonly training: readonly Dispatch[];
  /** Float32 [rows, width] each: to be filled from outside for every slice that is trained on. */
  readonly masks: readonly { readonly buffer: string; readonly layer: DropoutLayer }[];
  /** Name of the buffer with the logits, row by row. */
  readonly logits: string;
}

/** Buffers that are filled or read from outside. */
export const bufferNames = {
  /** One byte a pixel. */
  images: 'images',
  /** One byte an image. */
  labels: 'labels',
  weights: 'weights',
  /** The gradient, laid out like the weights, then the summed loss and the number of correct images. */
  results: 'results',
} as const;

/** For slices of `rows` images. Which kernels run on which buffers does not depend on `rows`. */
export function planPass(model: Model, rows: number): Plan {
  const { images, labels, weights, results } = bufferNames;
  const { inputs, classes, labelSmoothing, parameterCount } = model;
  const valuesOf = (depth: number) => `values ${depth}`;
  const slopesOf = (depth: number) => `slopes ${depth}`;
  const statisticsOf = (depth: number) => `statistics ${depth}`;
  const maskOf = (depth: number) => `mask ${depth}`;
  const scores = 'scores';
  const floats = (count: number) => 4 * count;
  const words = (bytes: number) => 4 * Math.ceil(bytes / 4);

  const layers = model.layers.map((layer, depth) =>
    layerDispatches(layer, {
      rows,
      input: valuesOf(depth),
      output: valuesOf(depth + 1),
      inputSlope: slopesOf(depth),
      outputSlope: slopesOf(depth + 1),
      statistics: statisticsOf(depth),
      mask: maskOf(depth),
      weights,
      gradient: results,
    }),
  );
  const logits = valuesOf(layers.length);
  const bufferBytes: Record<string, number> = {
    [images]: words(rows * inputs),
    [labels]: words(rows),
    [weights]: floats(parameterCount),
    [results]: floats(parameterCount + 2),
    [valuesOf(0)]: floats(rows * inputs),
    [scores]: floats(rows * 2),
  };
  const masks = layers.flatMap(({ dropout }, depth) => {
    return dropout === undefined ? [] : [{ buffer: maskOf(depth), layer: dropout }];
  });
  for (const { buffer, layer } of masks) bufferBytes[buffer] = floats(rows * layer.width);
  layers.forEach(({ width, statisticsLength }, depth) => {
    if (statisticsLength > 0) bufferBytes[statisticsOf(depth)] = floats(statisticsLength);
    bufferBytes[valuesOf(depth + 1)] = floats(rows * width);
    bufferBytes[slopesOf(depth + 1)] = floats(rows * width);
  });
  const slopes = slopesOf(layers.length);
  const scale = scaledPixels({ rows, columns: inputs, pixels: images, scaled: valuesOf(0) });
  return {
    bufferBytes,
    masks,
    logits,
    prediction: [scale, ...layers.flatMap(({ prediction }) => prediction)],
    training: [
      scale,
      ...layers.flatMap(({ forward }) => forward),
      crossEntropy({ rows, classes, labelSmoothing, logits, labels, slopes, scores }),
      columnSum({ values: scores, rows, columns: 2, sums: results, sumsOffset: parameterCount }),
      ...layers
        .map(({ parameterGradients, inputGradient }, depth) => {
          // Nobody needs the gradient of the images, and the first layer is the widest.
          return depth > 0 ? [...parameterGradients, ...inputGradient] : parameterGradients;
        })
        .reverse()
        .flat(),
    ],
  };
}
