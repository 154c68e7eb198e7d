// The instructions that our modules need, each a function from its operands to its bytes.
import { type Code, signed, unsigned } from './encoding.ts';

/** A variable of a function: a 32-bit integer or 128 bits of a vector. It starts at zero. */
export interface Local {
  readonly index: number;
}

/** What an instruction takes: a constant, a variable, or what other instructions leave behind. */
export type Operand = number | Local | Code;

/** By their names in the specification. */
const opcodes = {
  loop: [0x03],
  if: [0x04],
  else: [0x05],
  end: [0x0b],
  br_if: [0x0d],
  select: [0x1b],
  'local.get': [0x20],
  'local.set': [0x21],
  'i32.load': [0x28],
  'i32.store': [0x36],
  'i32.const': [0x41],
  'i32.lt_u': [0x49],
  'i32.le_u': [0x4d],
  'i32.add': [0x6a],
  'i32.sub': [0x6b],
  'i32.mul': [0x6c],
  'memory.copy': [0xfc, 0x0a],
  'v128.load': [0xfd, 0x00],
  'v128.load32_splat': [0xfd, 0x09],
  'v128.load64_splat': [0xfd, 0x0a],
  'v128.store': [0xfd, 0x0b],
  'i8x16.shuffle': [0xfd, 0x0d],
  'i32x4.splat': [0xfd, 0x11],
  'v128.or': [0xfd, 0x50],
  'v128.store64_lane': [0xfd, 0x5b],
  'v128.load64_zero': [0xfd, 0x5d],
  'f32x4.demote_f64x2_zero': [0xfd, 0x5e],
  'f64x2.promote_low_f32x4': [0xfd, 0x5f],
  'i32x4.shl': [0xfd, 0xab, 0x01],
  'i32x4.shr_u': [0xfd, 0xad, 0x01],
  'i32x4.add': [0xfd, 0xae, 0x01],
  'i32x4.mul': [0xfd, 0xb5, 0x01],
  'f32x4.add': [0xfd, 0xe4, 0x01],
  'f32x4.mul': [0xfd, 0xe6, 0x01],
  'f64x2.add': [0xfd, 0xf0, 0x01],
  'f64x2.sub': [0xfd, 0xf1, 0x01],
  'f64x2.mul': [0xfd, 0xf2, 0x01],
  'f32x4.relaxed_madd': [0xfd, 0x85, 0x02],
} satisfies Record<string, Code>;

const noResult = 0x40;

export function add(left: Operand, right: Operand): Code {
  return instruction('i32.add', left, right);
}

export function subtract(left: Operand, right: Operand): Code {
  return instruction('i32.sub', left, right);
}

export function multiply(left: Operand, right: Operand): Code {
  return instruction('i32.mul', left, right);
}

/** Unsigned, as addresses are. */
export function isLess(left: Operand, right: Operand): Code {
  return instruction('i32.lt_u', left, right);
}

export function isAtMost(left: Operand, right: Operand): Code {
  return instruction('i32.le_u', left, right);
}

/** Evaluates its operands twice: they must change nothing. */
export function minimum(left: Operand, right: Operand): Code {
  return instruction('select', left, right, isLess(left, right));
}

export function set(local: Local, value: Operand): Code {
  return [...instruction('local.set', value), ...unsigned(local.index)];
}

export function increase(local: Local, by: Operand): Code {
  return set(local, add(local, by));
}

/** Any 32 bits: those of an integer or of a float32. */
export function load(address: Operand, offset = 0): Code {
  return [...instruction('i32.load', address), ...place(offset)];
}

export function store(address: Operand, value: Operand, offset: number): Code {
  return [...instruction('i32.store', address, value), ...place(offset)];
}

export function copyBytes(target: Operand, source: Operand, count: Operand): Code {
  const [from, to] = [0, 0];
  return [...instruction('memory.copy', target, source, count), from, to];
}

/** The instructions on four float32 at once. */
export const vector = {
  load: (address: Operand, offset: number): Code => [
    ...instruction('v128.load', address),
    ...place(offset),
  ],
  /** One float32, four times. */
  loadSplat: (address: Operand): Code => [
    ...instruction('v128.load32_splat', address),
    ...place(0),
  ],
  store: (address: Operand, value: Operand, offset: number): Code => [
    ...instruction('v128.store', address, value),
    ...place(offset),
  ],
  add: (left: Operand, right: Operand): Code => instruction('f32x4.add', left, right),
  /** `left * right + addend`, rounded twice. */
  multiplyAdd: (left: Operand, right: Operand, addend: Operand): Code =>
    instruction('f32x4.add', instruction('f32x4.mul', left, right), addend),
  /** The same, rounded once or twice, whichever the processor does faster. */
  relaxedMultiplyAdd: (left: Operand, right: Operand, addend: Operand): Code =>
    instruction('f32x4.relaxed_madd', left, right, addend),
};

/** The instructions on four 32-bit integers at once. */
export const integers = {
  /** One integer, four times. */
  splat: (value: Operand): Code => instruction('i32x4.splat', value),
  add: (left: Operand, right: Operand): Code => instruction('i32x4.add', left, right),
  multiply: (left: Operand, right: Operand): Code => instruction('i32x4.mul', left, right),
  /** `bits` from 1 to 31: those that leave at the top come in again at the bottom. */
  rotateLeft: (value: Local, bits: number): Code =>
    instruction(
      'v128.or',
      instruction('i32x4.shl', value, bits),
      instruction('i32x4.shr_u', value, 32 - bits),
    ),
};

/** The instructions on two float64 at once. */
export const doubles = {
  /** One float64, twice. */
  loadSplat: (address: Operand, offset: number): Code => [
    ...instruction('v128.load64_splat', address),
    ...place(offset),
  ],
  /** Of two float32, which lose nothing. */
  loadFloats: (address: Operand, offset: number): Code =>
    instruction('f64x2.promote_low_f32x4', [
      ...instruction('v128.load64_zero', address),
      ...place(offset),
    ]),
  /** Of the first two of four float32. */
  ofLowFloats: (floats: Operand): Code => instruction('f64x2.promote_low_f32x4', floats),
  /** Of the last two. */
  ofHighFloats: (floats: Local): Code => {
    const high = instruction('i8x16.shuffle', floats, floats);
    const lanes = Array.from({ length: 16 }, (_, at) => (at + 8) % 16);
    return instruction('f64x2.promote_low_f32x4', [...high, ...lanes]);
  },
  /** As two float32, each rounded once. */
  storeFloats: (address: Operand, value: Operand, offset: number): Code => {
    const lowLane = 0;
    const floats = instruction('f32x4.demote_f64x2_zero', value);
    return [...instruction('v128.store64_lane', address, floats), ...place(offset), lowLane];
  },
  add: (left: Operand, right: Operand): Code => instruction('f64x2.add', left, right),
  subtract: (left: Operand, right: Operand): Code => instruction('f64x2.sub', left, right),
  multiply: (left: Operand, right: Operand): Code => instruction('f64x2.mul', left, right),
};

export function ifElse(condition: Code, whenTrue: Code[], otherwise: Code[]): Code {
  const branches = [...whenTrue.flat(), ...opcodes.else, ...otherwise.flat()];
  return [...instruction('if', condition), noResult, ...branches, ...opcodes.end];
}

/** The condition stands before the loop and again at its end, so that a round costs one jump. */
export function whileLoop(condition: Code, ...body: Code[]): Code {
  const again = [...instruction('br_if', condition), 0];
  const loop = [...opcodes.loop, noResult, ...body.flat(), ...again, ...opcodes.end];
  return [...instruction('if', condition), noResult, ...loop, ...opcodes.end];
}

function instruction(name: keyof typeof opcodes, ...operands: Operand[]): Code {
  return encode(opcodes[name], ...operands);
}

/** An instruction by its opcode, after its operands. */
export function encode(opcode: Code, ...operands: Operand[]): Code {
  return [...operands.flatMap(push), ...opcode];
}

function push(operand: Operand): Code {
  if (typeof operand === 'number') return [...opcodes['i32.const'], ...signed(operand)];
  return 'index' in operand ? [...opcodes['local.get'], ...unsigned(operand.index)] : operand;
}

/** What a load or store says of its address: that it is a multiple of 4 (2 to the power of 2), and what to add. */
export function place(offset: number): Code {
  return [2, ...unsigned(offset)];
}
