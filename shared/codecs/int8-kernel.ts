// int8 in WebAssembly: the loops of ./int8.ts, sixteen values a round.
import type { Code } from '../wasm/encoding.ts';
import { assembleGuest } from '../wasm/guest.ts';
import {
  add,
  increase,
  integers,
  isLess,
  type Local,
  set,
  vector,
  whileLoop,
} from '../wasm/instructions.ts';
import { bits, floats, narrow, words } from '../wasm/lanes.ts';
import { assembleFunction } from '../wasm/module.ts';
import { BlockKernel } from './block-kernel.ts';

export interface Int8Options {
  readonly blockLength: number;
  readonly levels: number;
  /** Between two draws. */
  readonly golden: number;
}

type NewLocal = (type: 'i32' | 'v128') => Local;

/** Bytes of the values, and of the steps, of a round. */
const [valuesBytes, stepsBytes] = [64, 16];

export function int8Kernel(options: Int8Options): BlockKernel {
  const { blockLength } = options;
  const assemble = () =>
    assembleGuest([encodeFunction(options), decodeFunction(options), roundFunction(options)]);
  return new BlockKernel({ blockLength, partBytes: [4, blockLength], assemble });
}

function encodeFunction(options: Int8Options) {
  const names = ['values', 'end', 'draw', 'scales', 'steps'] as const;
  return assembleFunction('encode', names, ({ scales, steps, ...input }, newLocal) => {
    const four = [0, 1, 2, 3].map(() => newLocal('v128'));
    return eachRound(options, { ...input, newLocal }, (scale, stepOf) => ({
      before: [floats.storeFirst(scales, scale), increase(scales, 4)],
      round: [
        ...four.map((quad, at) => set(quad, stepOf(at))),
        vector.store(
          steps,
          narrow.toBytes(narrow.toHalves(four[0], four[1]), narrow.toHalves(four[2], four[3])),
          0,
        ),
        increase(steps, stepsBytes),
      ],
    }));
  });
}

function roundFunction(options: Int8Options) {
  return assembleFunction('round', ['values', 'end', 'draw'], (input, newLocal) =>
    eachRound(options, { ...input, newLocal }, (scale, stepOf) => ({
      before: [],
      round: [0, 1, 2, 3].map((at) => {
        const rounded = floats.multiply(scale, floats.ofWords(stepOf(at)));
        return vector.store(input.values, rounded, 16 * at);
      }),
    })),
  );
}

function decodeFunction({ blockLength }: Int8Options) {
  const names = ['values', 'end', 'scales', 'steps'] as const;
  return assembleFunction('decode', names, ({ values, end, scales, steps }, newLocal) => {
    const [scale, halves, blockEnd] = [newLocal('v128'), newLocal('v128'), newLocal('i32')];
    const storeAt = (offset: number, quad: Code): Code =>
      vector.store(values, floats.multiply(scale, floats.ofWords(quad)), offset);
    const body = [0, 8].flatMap((offset) => [
      set(halves, narrow.loadBytes(steps, offset)),
      storeAt(4 * offset, words.lowOfHalves(halves)),
      storeAt(4 * offset + 16, words.highOfHalves(halves)),
    ]);
    return [
      whileLoop(
        isLess(values, end),
        set(scale, vector.loadSplat(scales)),
        increase(scales, 4),
        set(blockEnd, add(values, 4 * blockLength)),
        whileLoop(
          isLess(values, blockEnd),
          ...body,
          increase(values, valuesBytes),
          increase(steps, stepsBytes),
        ),
      ),
    ];
  });
}

interface Input {
  readonly values: Local;
  readonly end: Local;
  readonly draw: Local;
  readonly newLocal: NewLocal;
}

/** What is done when the scale of a block is known, and what for sixteen values; `stepOf` gives four of these. */
type Work = (
  scale: Local,
  stepOf: (quad: number) => Code,
) => { readonly before: readonly Code[]; readonly round: readonly Code[] };

function eachRound(
  { blockLength, levels, golden }: Int8Options,
  { values, end, draw, newLocal }: Input,
  work: Work,
): Code[] {
  const [scale, state, hash] = [newLocal('v128'), newLocal('v128'), newLocal('v128')];
  const [at, blockEnd] = [newLocal('i32'), newLocal('i32')];
  const places = words.constants([0, golden, Math.imul(golden, 2), Math.imul(golden, 3)]);
  const gap = words.constant(Math.imul(golden, 4));
  /** Of eight values the first four have the upper halves of a draw, the others the lower ones. */
  const stepOf = (quad: number): Code => {
    const isFirst = quad % 2 === 0;
    const half = isFirst ? words.shiftRight(hash, 16) : bits.and(hash, words.constant(0xffff));
    const counted = vector.add(floats.ofWords(half), floats.constant(0.5));
    const uniform = floats.multiply(counted, floats.constant(2 ** -16));
    const moved = vector.add(floats.divide(vector.load(values, 16 * quad), scale), uniform);
    const step = words.ofFloats(floats.floor(moved));
    const kept = words.larger(words.smaller(step, words.constant(levels)), words.constant(-levels));
    const drawn = [...mixed(state, hash), ...set(state, integers.add(state, gap))];
    return isFirst ? [...drawn, ...kept] : kept;
  };
  const { before, round } = work(scale, stepOf);
  return [
    set(state, integers.add(integers.splat(draw), places)),
    whileLoop(
      isLess(values, end),
      set(blockEnd, add(values, 4 * blockLength)),
      set(at, values),
      set(scale, words.constant(0)),
      whileLoop(
        isLess(at, blockEnd),
        ...[0, 16, 32, 48].map((offset) =>
          set(scale, words.larger(scale, sizeOf(vector.load(at, offset)))),
        ),
        increase(at, valuesBytes),
      ),
      ...[2, 1].map((by) => set(scale, words.larger(scale, words.rotate(scale, by)))),
      set(scale, floats.divide(scale, floats.constant(levels))),
      set(scale, finiteOrNone(scale)),
      ...before,
      whileLoop(isLess(values, blockEnd), ...round, increase(values, valuesBytes)),
    ),
  ];
}

/** Without their signs, float32 are in the order of their bits, with what is no number above all. */
function sizeOf(value: Code): Code {
  return bits.and(value, words.constant(0x7fff_ffff));
}

function finiteOrNone(scale: Local): Code {
  const isNumber = floats.isLess(scale, floats.constant(Number.POSITIVE_INFINITY));
  return bits.select(scale, floats.constant(Number.NaN), isNumber);
}

/** The finalizer of MurmurHash3, as `mix` of ../random.ts. */
function mixed(state: Local, hash: Local): Code {
  const folded = (word: Local, by: number): Code => bits.xor(word, words.shiftRight(word, by));
  const times = (word: Code, factor: number): Code =>
    integers.multiply(word, words.constant(factor | 0));
  return [
    ...set(hash, times(folded(state, 16), 0x85eb_ca6b)),
    ...set(hash, times(folded(hash, 13), 0xc2b2_ae35)),
    ...set(hash, folded(hash, 16)),
  ];
}
