import type { Codec } from '../contracts.ts';
import type { Code } from '../wasm/encoding.ts';
import { integers, type Local, set, vector } from '../wasm/instructions.ts';
import { bits, floats, words } from '../wasm/lanes.ts';
import { type HalfLanes, halvesKernel } from './halves-kernel.ts';
import { bitsOf, refuseOtherLength, wordsOf } from './memory.ts';

// Bits of float32 without their sign.
const infinityBits = 0x7f80_0000;
const notANumberBits = 0x7fc0_0000;
/** From here on a number would round to more than the largest float16, 65504. */
const overflowBits = 0x477f_f000;
const largestBits = 0x477f_e000;
/** 2^-14: below it float16 has multiples of 2^-24. */
const smallestNormalBits = 0x3880_0000;
/** Of 0.5, whose neighbours lie 2^-24 apart: a small number that is added to it rounds to a multiple of that. */
const halfBits = 0x3f00_0000;
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
  encode: (values, bytes) => {
    refuseOtherLength('float16', bytes, 2 * values.length);
    const valueBits = bitsOf(values);
    const halves = wordsOf(bytes, values.length);
    for (let at = kernel.encode(values, [bytes]); at < values.length; at++) {
      halves[at] = halfOf(valueBits[at], values[at]);
    }
  },
  decode: (bytes, into) => {
    refuseOtherLength('float16', bytes, 2 * into.length);
    const halves = wordsOf(bytes, into.length);
    const valueBits = bitsOf(into);
    for (let at = kernel.decode(into, [bytes]); at < into.length; at++) {
      valueBits[at] = bitsOfHalf(halves[at]);
    }
    return into;
  },
  round: (values) => {
    const valueBits = bitsOf(values);
    for (let at = kernel.round(values); at < values.length; at++) {
      valueBits[at] = bitsOfHalf(halfOf(valueBits[at], values[at]));
    }
  },
};

function halfOf(word: number, value: number): number {
  const sign = (word >>> 16) & 0x8000;
  const size = word & 0x7fff_ffff;
  if (size > infinityBits) return sign | 0x7e00;
  if (size === infinityBits) return sign | 0x7c00;
  if (size >= overflowBits) return sign | 0x7bff;
  // Added to 2^52 there is no room for a fraction: float64 itself rounds it to even.
  if (size < smallestNormalBits) return sign | (Math.abs(value) * 2 ** 24 + 2 ** 52 - 2 ** 52);
  return sign | ((size - rebias + 0xfff + ((size >>> 13) & 1)) >>> 13);
}

const converted = new Float32Array(1);
const convertedBits = bitsOf(converted);

function bitsOfHalf(half: number): number {
  const sign = (half & 0x8000) << 16;
  const size = half & 0x7fff;
  if (size >= 0x7c00) return sign | infinityBits | (size << 13);
  if (size >= 0x400) return sign | ((size << 13) + rebias);
  converted[0] = size * 2 ** -24;
  return sign | convertedBits[0];
}

const { constant, isLess, isGreater } = words;

/** The same for four values. */
const lanes: HalfLanes = {
  encode: (value, [size, half]) => {
    const small = words.subtract(vector.add(size, constant(halfBits)), constant(halfBits));
    const rebiased = words.subtract(size, constant(rebias));
    const normal = words.shiftRight(integers.add(rebiased, carryOf(size)), 13);
    return [
      ...set(size, bits.and(value, constant(0x7fff_ffff))),
      ...set(half, bits.select(small, normal, isLess(size, constant(smallestNormalBits)))),
      ...chooseFrom(size, overflowBits, 0x7bff, half),
      ...chooseFrom(size, infinityBits, 0x7c00, half),
      ...chooseFrom(size, infinityBits + 1, 0x7e00, half),
      ...bits.or(half, bits.and(words.shiftRight(value, 16), constant(0x8000))),
    ];
  },
  decode: (half, [size, value]) => {
    const small = floats.subtract(integers.add(size, constant(halfBits)), constant(halfBits));
    const moved = words.shiftLeft(size, 13);
    const normal = integers.add(moved, constant(rebias));
    const special = bits.and(constant(infinityBits), isGreater(size, constant(0x7bff)));
    return [
      ...set(size, bits.and(half, constant(0x7fff))),
      ...set(value, bits.select(small, normal, isLess(size, constant(0x400)))),
      ...bits.or(bits.or(value, special), words.shiftLeft(bits.and(half, constant(0x8000)), 16)),
    ];
  },
  round: (value, [size, rounded]) => {
    const small = floats.subtract(vector.add(size, constant(halfBits)), constant(halfBits));
    const normal = bits.and(integers.add(size, carryOf(size)), constant(~0x1fff));
    return [
      ...set(size, bits.and(value, constant(0x7fff_ffff))),
      ...set(rounded, bits.select(small, normal, isLess(size, constant(smallestNormalBits)))),
      ...chooseFrom(size, overflowBits, largestBits, rounded),
      ...chooseFrom(size, infinityBits, infinityBits, rounded),
      ...chooseFrom(size, infinityBits + 1, notANumberBits, rounded),
      ...bits.or(rounded, bits.and(value, constant(0x8000_0000))),
    ];
  },
};

/** What rounds to the nearest, and to even, when it is added to the size and the lower 13 bits fall off. */
function carryOf(size: Local): Code {
  return integers.add(bits.and(words.shiftRight(size, 13), constant(1)), constant(0xfff));
}

/** `otherwise` stays where the size is below the limit. */
function chooseFrom(size: Local, limit: number, chosen: number, otherwise: Local): Code {
  const isFrom = isGreater(size, constant(limit - 1));
  return set(otherwise, bits.select(constant(chosen), otherwise, isFrom));
}

const kernel = halvesKernel(lanes);
