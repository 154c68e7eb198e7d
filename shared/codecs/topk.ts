import type { Codec } from '../contracts.ts';
import { ErrorFeedback } from './feedback.ts';
import { chooseLargest } from './largest.ts';
import { refuseOtherLength } from './memory.ts';
import { type Places, placesOf } from './places.ts';

/** Chosen values that share a scale. */
const blockLength = 128;
const levels = 127;

interface Layout {
  readonly chosen: Uint32Array;
  readonly places: Places;
  readonly byteLength: number;
}

/**
 * Only the largest values, so many of all as `fraction` says, and at least one: their places, and each as a multiple of
 * the largest of 128 neighbours among them over 127, the nearest. All others are left out. First come all scales, as
 * float32, then a byte a value, then the places.
 */
export function createTopK(fraction: number): Codec {
  // A run has vectors of one length.
  const layouts = new Map<number, Layout>();
  const layoutOf = (length: number): Layout => {
    const known = layouts.get(length);
    if (known !== undefined) return known;
    const count = Math.ceil(fraction * length);
    const places = placesOf(length, count);
    const byteLength = 4 * Math.ceil(count / blockLength) + count + places.byteLength;
    const layout = { chosen: new Uint32Array(count), places, byteLength };
    layouts.set(length, layout);
    return layout;
  };
  const codec: Codec = {
    byteLength: (length) => layoutOf(length).byteLength,
    // Nothing comes out of what is left out.
    relativeError: 1,
    absoluteError: 2 ** -140,
    createFeedback: (parameterCount) => new ErrorFeedback(codec, parameterCount),
    encode: (values, bytes) => {
      const { chosen, places, byteLength } = layoutOf(values.length);
      refuseOtherLength('topk', bytes, byteLength);
      chooseLargest(values, chosen);
      const { scales, steps, behind } = partsOf(bytes, chosen.length);
      for (let block = 0; block < scales.length; block++) {
        const neighbours = chosen.subarray(block * blockLength, (block + 1) * blockLength);
        const scale = scaleOf(values, neighbours);
        scales[block] = scale;
        for (const [at, place] of neighbours.entries()) {
          steps[block * blockLength + at] = scale > 0 ? Math.round(values[place] / scale) : 0;
        }
      }
      places.write(chosen, behind);
    },
    decode: (bytes, into) => {
      const { chosen, places, byteLength } = layoutOf(into.length);
      refuseOtherLength('topk', bytes, byteLength);
      const { scales, steps, behind } = partsOf(bytes, chosen.length);
      if (!places.read(behind, chosen)) throw new RangeError('no topk has such places');
      into.fill(0);
      for (let at = 0; at < chosen.length; at++) {
        into[chosen[at]] = steps[at] * scales[Math.floor(at / blockLength)];
      }
      return into;
    },
    // What a sender leaves out depends on what it left out before, so there is no sum that all would round alike.
    round: () => undefined,
  };
  return codec;
}

function partsOf({ buffer, byteOffset, length }: Uint8Array, count: number) {
  const blocks = Math.ceil(count / blockLength);
  const steps = byteOffset + 4 * blocks;
  return {
    scales: new Float32Array(buffer, byteOffset, blocks),
    steps: new Int8Array(buffer, steps, count),
    behind: new Uint8Array(buffer, steps + count, length - 4 * blocks - count),
  };
}

/** NaN when one of them is no finite number. */
function scaleOf(values: Float32Array, places: Uint32Array): number {
  let largest = 0;
  // Math.max gives NaN where one is.
  for (const place of places) largest = Math.max(largest, Math.abs(values[place]));
  const scale = Math.fround(largest / levels);
  return scale < Number.POSITIVE_INFINITY ? scale : Number.NaN;
}
