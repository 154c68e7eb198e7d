// The vector instructions that codecs alone need: on the bits of four float32 at once, and on narrower integers. Apart
// from the others, because a tab fetches them with its codec.
import type { Code } from './encoding.ts';
import { encode, type Operand, place } from './instructions.ts';

/** By their names in the specification. */
const opcodes = {
  'v128.load8x8_s': [0xfd, 0x01],
  'v128.load16x4_u': [0xfd, 0x04],
  'v128.const': [0xfd, 0x0c],
  'i8x16.shuffle': [0xfd, 0x0d],
  'i32x4.lt_s': [0xfd, 0x39],
  'i32x4.gt_s': [0xfd, 0x3b],
  'f32x4.ne': [0xfd, 0x42],
  'f32x4.lt': [0xfd, 0x43],
  'v128.and': [0xfd, 0x4e],
  'v128.or': [0xfd, 0x50],
  'v128.xor': [0xfd, 0x51],
  'v128.bitselect': [0xfd, 0x52],
  'v128.any_true': [0xfd, 0x53],
  'v128.store32_lane': [0xfd, 0x5a],
  'v128.load32_zero': [0xfd, 0x5c],
  'i8x16.narrow_i16x8_s': [0xfd, 0x65],
  'f32x4.floor': [0xfd, 0x68],
  'i16x8.narrow_i32x4_s': [0xfd, 0x85, 0x01],
  'i16x8.narrow_i32x4_u': [0xfd, 0x86, 0x01],
  'i16x8.extend_low_i8x16_u': [0xfd, 0x89, 0x01],
  'i32x4.extend_low_i16x8_s': [0xfd, 0xa7, 0x01],
  'i32x4.extend_high_i16x8_s': [0xfd, 0xa8, 0x01],
  'i32x4.shl': [0xfd, 0xab, 0x01],
  'i32x4.shr_u': [0xfd, 0xad, 0x01],
  'i32x4.sub': [0xfd, 0xb1, 0x01],
  'i32x4.min_s': [0xfd, 0xb6, 0x01],
  'i32x4.max_s': [0xfd, 0xb8, 0x01],
  'f32x4.sub': [0xfd, 0xe5, 0x01],
  'f32x4.mul': [0xfd, 0xe6, 0x01],
  'f32x4.div': [0xfd, 0xe7, 0x01],
  'i32x4.trunc_sat_f32x4_s': [0xfd, 0xf8, 0x01],
  'f32x4.convert_i32x4_s': [0xfd, 0xfa, 0x01],
} satisfies Record<string, Code>;

const unary = (name: keyof typeof opcodes) => (value: Operand) => encode(opcodes[name], value);
const binary = (name: keyof typeof opcodes) => (left: Operand, right: Operand) =>
  encode(opcodes[name], left, right);
/** By a constant number of bits. */
const shift = (name: keyof typeof opcodes) => (value: Operand, count: number) =>
  encode(opcodes[name], value, count);

/** On all 128 bits. */
export const bits = {
  and: binary('v128.and'),
  or: binary('v128.or'),
  xor: binary('v128.xor'),
  /** `whenOne` where the mask has ones, `whenZero` elsewhere. */
  select: (whenOne: Operand, whenZero: Operand, mask: Operand): Code =>
    encode(opcodes['v128.bitselect'], whenOne, whenZero, mask),
  /** Whether one of them is one: a condition. */
  areAny: unary('v128.any_true'),
};

/** On four 32-bit integers. Comparisons give all ones for yes. */
export const words = {
  /** The same four for ever. */
  constants: (values: readonly [number, number, number, number]): Code => [
    ...opcodes['v128.const'],
    ...new Uint8Array(Int32Array.from(values).buffer),
  ],
  constant: (value: number): Code => words.constants([value, value, value, value]),
  isLess: binary('i32x4.lt_s'),
  isGreater: binary('i32x4.gt_s'),
  subtract: binary('i32x4.sub'),
  smaller: binary('i32x4.min_s'),
  larger: binary('i32x4.max_s'),
  shiftLeft: shift('i32x4.shl'),
  /** Zeros come in from above. */
  shiftRight: shift('i32x4.shr_u'),
  /** The lanes, each `by` places further. */
  rotate: (value: Operand, by: number): Code => [
    ...encode(opcodes['i8x16.shuffle'], value, value),
    ...Array.from({ length: 16 }, (_, at) => (at + 4 * by) % 16),
  ],
  /** Rounds towards zero; what is no number becomes 0. */
  ofFloats: unary('i32x4.trunc_sat_f32x4_s'),
  /** Four unsigned integers of 16 bits. */
  loadHalves: (address: Operand, offset: number): Code => [
    ...encode(opcodes['v128.load16x4_u'], address),
    ...place(offset),
  ],
  lowOfHalves: unary('i32x4.extend_low_i16x8_s'),
  highOfHalves: unary('i32x4.extend_high_i16x8_s'),
};

/** On narrower integers. What does not fit becomes the nearest that does. */
export const narrow = {
  /** Eight signed integers of 8 bits, as 16 bits each. */
  loadBytes: (address: Operand, offset: number): Code => [
    ...encode(opcodes['v128.load8x8_s'], address),
    ...place(offset),
  ],
  /** Four unsigned integers of 8 bits, as 32 bits each. */
  loadFourBytes: (address: Operand): Code =>
    words.lowOfHalves(
      encode(opcodes['i16x8.extend_low_i8x16_u'], [
        ...encode(opcodes['v128.load32_zero'], address),
        ...place(0),
      ]),
    ),
  toUnsignedHalves: binary('i16x8.narrow_i32x4_u'),
  toHalves: binary('i16x8.narrow_i32x4_s'),
  toBytes: binary('i8x16.narrow_i16x8_s'),
};

/** On four float32. */
export const floats = {
  constant: (value: number): Code =>
    words.constant(new Int32Array(Float32Array.of(value).buffer)[0]),
  isLess: binary('f32x4.lt'),
  areUnequal: binary('f32x4.ne'),
  floor: unary('f32x4.floor'),
  subtract: binary('f32x4.sub'),
  multiply: binary('f32x4.mul'),
  divide: binary('f32x4.div'),
  ofWords: unary('f32x4.convert_i32x4_s'),
  storeFirst: (address: Operand, value: Operand): Code => {
    const lane = 0;
    return [...encode(opcodes['v128.store32_lane'], address, value), ...place(0), lane];
  },
};
