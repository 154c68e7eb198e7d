import type { Codec } from '../contracts.ts';
import { bitsOf, bytesOf, refuseOtherLength, wordsOf } from './memory.ts';

// Bits of float32 without their sign.
const infinityBits = 0x7f80_0000;
/** From here on a number would round to more than the largest float16, 65504. */
const overflowBits = 0x477f_f000;
/** 2^-14: below it float16 has multiples of 2^-24. */
const smallestNormalBits = 0x3880_0000;
/** The exponents are biased by 127 and by 15. */
const rebias = (127 - 15) << 23;

/**
 * IEEE 754 binary16: 11 bits of precision between 2^-14 and 65504, which larger numbers become. Rounds to the
 * nearest, of two equally near to the even one.
 */
export const float16: Codec = {
  byteLength: (length) => 2 * length,
  relativeError: 2 ** -11,
  absoluteError: 2 ** -25,
  largest: 65_504,
  encode: (values) => {
    const bits = bitsOf(values);
    const words = new Uint16Array(values.length);
    for (let at = 0; at < words.length; at++) words[at] = halfOf(bits[at], values[at]);
    return bytesOf(words);
  },
  decode: (bytes, length) => {
    refuseOtherLength('float16', bytes, 2 * length);
    const words = wordsOf(bytes, length);
    const values = new Float32Array(length);
    const bits = bitsOf(values);
    for (let at = 0; at < length; at++) {
      const word = words[at];
      const sign = (word & 0x8000) << 16;
      const size = word & 0x7fff;
      if (size < 0x400) values[at] = (sign < 0 ? -size : size) * 2 ** -24;
      else if (size < 0x7c00) bits[at] = sign | ((size << 13) + rebias);
      else bits[at] = sign | infinityBits | (size << 13);
      if (size === 0) bits[at] = sign;
    }
    return values;
  },
};

function halfOf(bits: number, value: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const size = bits & 0x7fff_ffff;
  if (size > infinityBits) return sign | 0x7e00;
  if (size === infinityBits) return sign | 0x7c00;
  if (size >= overflowBits) return sign | 0x7bff;
  // Added to 2^52 there is no room for a fraction: float64 itself rounds it to even.
  if (size < smallestNormalBits) return sign | (Math.abs(value) * 2 ** 24 + 2 ** 52 - 2 ** 52);
  return sign | ((size - rebias + 0xfff + ((size >>> 13) & 1)) >>> 13);
}
