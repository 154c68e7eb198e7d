import type { Codec } from '../contracts.ts';
import { bitsOf, bytesOf, refuseOtherLength, wordsOf } from './memory.ts';

/** Above these bits, without the sign, is no number. */
const infinityBits = 0x7f80_0000;

/**
 * The upper half of a float32: its range, and 8 bits of its precision. Rounds to the nearest, of two equally near
 * to the even one.
 */
export const bfloat16: Codec = {
  byteLength: (length) => 2 * length,
  relativeError: 2 ** -8,
  // Of the smallest numbers of all.
  absoluteError: 2 ** -134,
  encode: (values) => {
    const bits = bitsOf(values);
    const words = new Uint16Array(values.length);
    for (let at = 0; at < words.length; at++) {
      const word = bits[at];
      const isNoNumber = (word & 0x7fff_ffff) > infinityBits;
      // The addition carries into the upper half from its middle on.
      words[at] = isNoNumber ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
    }
    return bytesOf(words);
  },
  decode: (bytes, length) => {
    refuseOtherLength('bfloat16', bytes, 2 * length);
    const words = wordsOf(bytes, length);
    const values = new Float32Array(length);
    const bits = bitsOf(values);
    for (let at = 0; at < length; at++) bits[at] = words[at] << 16;
    return values;
  },
};
