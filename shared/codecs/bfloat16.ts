import type { Codec } from '../contracts.ts';
import { integers, type Local } from '../wasm/instructions.ts';
import { bits, words } from '../wasm/lanes.ts';
import { halvesKernel } from './halves-kernel.ts';
import { bitsOf, refuseOtherLength, wordsOf } from './memory.ts';

/** Above these bits, without the sign, is no number. */
const infinityBits = 0x7f80_0000;
/** Of the upper half: with it what is no number stays none. */
const quietBit = 0x40;

/**
 * The upper half of a float32: its range, and 8 bits of its precision. Rounds to the nearest, of two equally near
 * to the even one.
 */
export const bfloat16: Codec = {
  byteLength: (length) => 2 * length,
  relativeError: 2 ** -8,
  // Of the smallest numbers of all.
  absoluteError: 2 ** -134,
  encode: (values, bytes) => {
    refuseOtherLength('bfloat16', bytes, 2 * values.length);
    const valueBits = bitsOf(values);
    const halves = wordsOf(bytes, values.length);
    for (let at = kernel.encode(values, [bytes]); at < values.length; at++) {
      halves[at] = upperHalf(valueBits[at]);
    }
  },
  decode: (bytes, into) => {
    refuseOtherLength('bfloat16', bytes, 2 * into.length);
    const halves = wordsOf(bytes, into.length);
    const valueBits = bitsOf(into);
    for (let at = kernel.decode(into, [bytes]); at < into.length; at++) {
      valueBits[at] = halves[at] << 16;
    }
    return into;
  },
  round: (values) => {
    const valueBits = bitsOf(values);
    for (let at = kernel.round(values); at < values.length; at++) {
      valueBits[at] = upperHalf(valueBits[at]) << 16;
    }
  },
};

function upperHalf(word: number): number {
  const isNoNumber = (word & 0x7fff_ffff) > infinityBits;
  // The addition carries into the upper half from its middle on.
  return isNoNumber ? (word >>> 16) | quietBit : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
}

/** The same for four values. */
const kernel = halvesKernel({
  encode: upperHalves,
  decode: (half) => words.shiftLeft(half, 16),
  round: (value) => words.shiftLeft(upperHalves(value), 16),
});

function upperHalves(value: Local) {
  const upper = words.shiftRight(value, 16);
  const carried = integers.add(
    integers.add(value, words.constant(0x7fff)),
    bits.and(upper, words.constant(1)),
  );
  const size = bits.and(value, words.constant(0x7fff_ffff));
  return bits.select(
    bits.or(upper, words.constant(quietBit)),
    words.shiftRight(carried, 16),
    words.isGreater(size, words.constant(infinityBits)),
  );
}
