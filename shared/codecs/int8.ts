import type { Codec } from '../contracts.ts';
import { createRandom } from '../random.ts';
import { refuseOtherLength } from './memory.ts';

/** Values that share a scale: few enough that a large one among them spoils little, many enough that scales weigh little. */
const blockLength = 128;
const levels = 127;

/**
 * Whole multiples, from -127 to 127, of a scale for each block: its largest value over 127. Rounds up or down at
 * random, in proportion to how near each is, so that what is lost of many gradients cancels out; the seed decides
 * how, so that it is the same again. First come all scales, as float32, then a byte a value.
 */
export const int8: Codec = {
  byteLength: (length) => 4 * blocksOf(length) + length,
  relativeError: 1 / levels,
  absoluteError: 2 ** -140,
  blockLength,
  encode: (values, seed) => {
    const { length } = values;
    const encoded = new Uint8Array(int8.byteLength(length));
    const { scales, steps } = partsOf(encoded, length);
    const random = createRandom(seed, 'int8');
    for (let block = 0; block < scales.length; block++) {
      const start = block * blockLength;
      const end = Math.min(start + blockLength, length);
      scales[block] = largestIn(values, start, end) / levels;
      const scale = scales[block];
      for (let at = start; at < end; at++) {
        // A scale of 0 has nothing but zeros, and one that is no number makes its block none.
        const step = scale > 0 ? Math.floor(values[at] / scale + random.uniform()) : 0;
        steps[at] = Math.max(-levels, Math.min(levels, step));
      }
    }
    return encoded;
  },
  decode: (bytes, length) => {
    refuseOtherLength('int8', bytes, int8.byteLength(length));
    const { scales, steps } = partsOf(bytes, length);
    const values = new Float32Array(length);
    for (let at = 0; at < length; at++)
      values[at] = steps[at] * scales[Math.floor(at / blockLength)];
    return values;
  },
};

function blocksOf(length: number): number {
  return Math.ceil(length / blockLength);
}

function partsOf({ buffer, byteOffset }: Uint8Array, length: number) {
  const blocks = blocksOf(length);
  return {
    scales: new Float32Array(buffer, byteOffset, blocks),
    steps: new Int8Array(buffer, byteOffset + 4 * blocks, length),
  };
}

/** NaN or infinity when one of them is. */
function largestIn(values: Float32Array, start: number, end: number): number {
  let largest = 0;
  let sum = 0;
  for (let at = start; at < end; at++) {
    const size = Math.abs(values[at]);
    sum += size;
    if (size > largest) largest = size;
  }
  return Number.isFinite(sum) ? largest : sum;
}
