// Dropout in the memory of the module. The mask lies image by image, as it is drawn; values lie feature by feature.
import { fillDropoutMask } from '../../../shared/model/dropout.ts';
import type { DropoutLayer } from '../../../shared/model/model.ts';
import type { Operation } from './operations.ts';

export function dropout(layer: DropoutLayer): Operation {
  const { width } = layer;
  let mask = new Float32Array();
  const applyMask = (from: Float32Array, to: Float32Array, images: number): void => {
    let at = 0;
    for (let feature = 0; feature < width; feature++) {
      for (let image = 0; image < images; image++, at++) {
        to[at] = from[at] * mask[image * width + feature];
      }
    }
  };
  return {
    width,
    forward: ({ images, input, output }, noise) => {
      if (mask.length !== images * width) mask = new Float32Array(images * width);
      fillDropoutMask(mask, layer, noise);
      applyMask(input, output, images);
    },
    predict: ({ input, output }) => output.set(input),
    backward: ({ images, inputSlopes, outputSlopes }) => {
      if (inputSlopes !== undefined) applyMask(outputSlopes, inputSlopes, images);
    },
  };
}
