import type { Codec } from '../contracts.ts';
import { mix } from '../random.ts';
import { int8Kernel } from './int8-kernel.ts';
import { refuseOtherLength } from './memory.ts';

/** Values that share a scale: few enough that a large one among them spoils little, many enough that scales weigh little. */
const blockLength = 128;
const levels = 127;
/** What SplitMix adds from one draw to the next: 2^32 over the golden ratio. */
const golden = 0x9e37_79b9;

/**
 * Whole multiples, from -127 to 127, of a scale for each block: its largest value over 127. Rounds up or down at
 * random, in proportion to how near each is, so that what is lost of many gradients cancels out; the seed decides
 * how, so that it is the same again. First come all scales, as float32, then a byte a value.
 */
export const int8: Codec = {
  byteLength: (length) => 4 * blocksOf(length) + length,
  // A hair more than a step, because scales and products are rounded themselves.
  relativeError: (1 + 2 ** -14) / levels,
  absoluteError: 2 ** -140,
  blockLength,
  encode: (values, bytes, seed) => {
    refuseOtherLength('int8', bytes, int8.byteLength(values.length));
    const { length } = values;
    const { scales, steps, parts } = partsOf(bytes, length);
    const first = kernel.encode(values, parts, drawsOf(seed));
    for (let start = first; start < length; start += blockLength) {
      const end = Math.min(start + blockLength, length);
      const scale = scaleOf(values, start, end);
      scales[start / blockLength] = scale;
      for (let at = start; at < end; at++) steps[at] = stepOf(values[at], scale, seed, at);
    }
  },
  decode: (bytes, into) => {
    refuseOtherLength('int8', bytes, int8.byteLength(into.length));
    const { scales, steps, parts } = partsOf(bytes, into.length);
    for (let at = kernel.decode(into, parts); at < into.length; at++) {
      into[at] = steps[at] * scales[Math.floor(at / blockLength)];
    }
    return into;
  },
  round: (values, seed) => {
    const { length } = values;
    for (let start = kernel.round(values, drawsOf(seed)); start < length; start += blockLength) {
      const end = Math.min(start + blockLength, length);
      const scale = scaleOf(values, start, end);
      for (let at = start; at < end; at++) values[at] = scale * stepOf(values[at], scale, seed, at);
    }
  },
};

const kernel = int8Kernel({ blockLength, levels, golden });

function blocksOf(length: number): number {
  return Math.ceil(length / blockLength);
}

function partsOf({ buffer, byteOffset }: Uint8Array, length: number) {
  const blocks = blocksOf(length);
  const behindScales = byteOffset + 4 * blocks;
  return {
    scales: new Float32Array(buffer, byteOffset, blocks),
    steps: new Int8Array(buffer, behindScales, length),
    parts: [
      new Uint8Array(buffer, byteOffset, 4 * blocks),
      new Uint8Array(buffer, behindScales, length),
    ],
  };
}

/** A float32; NaN when one of the values is no finite number. */
function scaleOf(values: Float32Array, start: number, end: number): number {
  let largest = 0;
  // Math.max gives NaN where one is.
  for (let at = start; at < end; at++) largest = Math.max(largest, Math.abs(values[at]));
  const scale = Math.fround(largest / levels);
  return scale < Number.POSITIVE_INFINITY ? scale : Number.NaN;
}

/** All in float32, as the kernel does it. A scale of 0 has nothing but zeros, and one that is no number has none. */
function stepOf(value: number, scale: number, seed: number, at: number): number {
  const moved = Math.fround(Math.fround(value / scale) + uniformAt(seed, at));
  return Math.max(-levels, Math.min(levels, Math.floor(moved))) || 0;
}

/**
 * In the middles of 2^16 equal parts of [0, 1): a function of its place alone, so that four lanes can draw at once.
 * SplitMix with the finalizer of MurmurHash3; each draw serves two values, those of eight neighbours that are four apart.
 */
function uniformAt(seed: number, at: number): number {
  const draw = 4 * (at >>> 3) + (at & 3);
  const word = mix(seed + Math.imul(golden, draw));
  return (((at & 4) === 0 ? word >>> 16 : word & 0xffff) + 0.5) / 2 ** 16;
}

/** What `mix` is given for the first draw of a block. */
function drawsOf(seed: number): (at: number) => number {
  return (at) => seed + Math.imul(golden, at / 2);
}
