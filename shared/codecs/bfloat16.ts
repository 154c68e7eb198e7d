import type { Code } from '../wasm/encoding.ts';
import { integers, type Local, set, vector } from '../wasm/instructions.ts';
import { bits, floats, words } from '../wasm/lanes.ts';
import type { HalfLanes, Tools } from './half-lanes.ts';
import { halvesCodec } from './halves-codec.ts';

/** Above these bits, without the sign, is no number. */
const infinityBits = 0x7f80_0000;
/** Of the upper half: with it what is no number stays none. */
const quietBit = 0x40;

/** The same for four values. */
const lanes: HalfLanes = {
  // A sum tells of each that is no number, and now and then of infinities that are.
  areUnusual: ([first, second, third, fourth], { scratch: [sum] }) => [
    ...set(sum, vector.add(vector.add(first, second), vector.add(third, fourth))),
    ...bits.areAny(floats.areUnequal(sum, sum)),
  ],
  encode: (value, tools, isUsual) =>
    isUsual ? words.shiftRight(carried(value, tools), 16) : upperHalves(value, tools),
  decode: (half) => words.shiftLeft(half, 16),
  round: (value, tools, isUsual) =>
    isUsual
      ? bits.and(carried(value, tools), tools.constant(~0xffff))
      : words.shiftLeft(upperHalves(value, tools), 16),
};

/**
 * The upper half of a float32: its range, and 8 bits of its precision. Rounds to the nearest, of two equally near
 * to the even one.
 */
export const bfloat16 = halvesCodec({
  name: 'bfloat16',
  relativeError: 2 ** -8,
  // Of the smallest numbers of all.
  absoluteError: 2 ** -134,
  halfOf: upperHalf,
  wordOf: (half) => half << 16,
  lanes,
});

function upperHalf(word: number): number {
  const isNoNumber = (word & 0x7fff_ffff) > infinityBits;
  // The addition carries into the upper half from its middle on.
  return isNoNumber ? (word >>> 16) | quietBit : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
}

function upperHalves(value: Local, tools: Tools): Code {
  const { constant } = tools;
  return bits.select(
    bits.or(words.shiftRight(value, 16), constant(quietBit)),
    words.shiftRight(carried(value, tools), 16),
    words.isGreater(bits.and(value, constant(0x7fff_ffff)), constant(infinityBits)),
  );
}

/** The upper half is that of the rounded number, if it is one. */
function carried(value: Local, { constant }: Tools): Code {
  return integers.add(
    integers.add(value, constant(0x7fff)),
    bits.and(words.shiftRight(value, 16), constant(1)),
  );
}
