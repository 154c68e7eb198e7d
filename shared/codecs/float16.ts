import type { Code } from '../wasm/encoding.ts';
import { integers, type Local, set, vector } from '../wasm/instructions.ts';
import { bits, floats, words } from '../wasm/lanes.ts';
import type { HalfLanes, Tools } from './half-lanes.ts';
import { halvesCodec } from './halves-codec.ts';
import { bitsOf } from './memory.ts';

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

const { isLess, isGreater } = words;

/** The same for four values. */
const lanes: HalfLanes = {
  areUnusual: (vectors, { constant }) => {
    const sizes = vectors.map((value) => bits.and(value, constant(0x7fff_ffff)));
    const largest = sizes.reduce((one, other) => words.larger(one, other));
    return bits.areAny(isGreater(largest, constant(overflowBits - 1)));
  },
  encode: (value, { scratch: [size, half], constant }, isUsual) => {
    const small = words.subtract(vector.add(size, constant(halfBits)), constant(halfBits));
    const rebiased = words.subtract(size, constant(rebias));
    const normal = words.shiftRight(integers.add(rebiased, carryOf(size, constant)), 13);
    return [
      ...set(size, bits.and(value, constant(0x7fff_ffff))),
      ...set(half, bits.select(small, normal, isLess(size, constant(smallestNormalBits)))),
      ...(isUsual ? [] : chooseFrom(constant, size, half, [0x7bff, 0x7c00, 0x7e00])),
      ...bits.or(half, bits.and(words.shiftRight(value, 16), constant(0x8000))),
    ];
  },
  decode: (half, { scratch: [size, value], constant }) => {
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
  round: (value, { scratch: [size, rounded], constant }, isUsual) => {
    const small = floats.subtract(vector.add(size, constant(halfBits)), constant(halfBits));
    const normal = bits.and(integers.add(size, carryOf(size, constant)), constant(~0x1fff));
    return [
      ...set(size, bits.and(value, constant(0x7fff_ffff))),
      ...set(rounded, bits.select(small, normal, isLess(size, constant(smallestNormalBits)))),
      ...(isUsual
        ? []
        : chooseFrom(constant, size, rounded, [largestBits, infinityBits, notANumberBits])),
      ...bits.or(rounded, bits.and(value, constant(0x8000_0000))),
    ];
  },
};

/**
 * IEEE 754 binary16: 11 bits of precision between 2^-14 and 65504, which larger numbers become. Rounds to the
 * nearest, of two equally near to the even one.
 */
export const float16 = halvesCodec({
  name: 'float16',
  relativeError: 2 ** -11,
  absoluteError: 2 ** -25,
  largest: 65_504,
  halfOf,
  wordOf,
  lanes,
});

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

function wordOf(half: number): number {
  const sign = (half & 0x8000) << 16;
  const size = half & 0x7fff;
  if (size >= 0x7c00) return sign | infinityBits | (size << 13);
  if (size >= 0x400) return sign | ((size << 13) + rebias);
  converted[0] = size * 2 ** -24;
  return sign | convertedBits[0];
}

type Constant = Tools['constant'];

/** What rounds to the nearest, and to even, when it is added to the size and the lower 13 bits fall off. */
function carryOf(size: Local, constant: Constant): Code {
  return integers.add(bits.and(words.shiftRight(size, 13), constant(1)), constant(0xfff));
}

/** `otherwise` stays where the size is below that of what is too large, of infinity, and of what is no number. */
function chooseFrom(
  constant: Constant,
  size: Local,
  otherwise: Local,
  chosen: readonly number[],
): Code {
  return [overflowBits, infinityBits, infinityBits + 1].flatMap((limit, at) => {
    const isFrom = isGreater(size, constant(limit - 1));
    return set(otherwise, bits.select(constant(chosen[at]), otherwise, isFrom));
  });
}
