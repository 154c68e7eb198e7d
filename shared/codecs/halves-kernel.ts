// The WebAssembly that the codecs of 16 bits have in common: sixteen values a round, four to a vector.
import type { Code } from '../wasm/encoding.ts';
import { assembleGuest } from '../wasm/guest.ts';
import { increase, isLess, type Local, set, vector, whileLoop } from '../wasm/instructions.ts';
import { narrow, words } from '../wasm/lanes.ts';
import { assembleFunction } from '../wasm/module.ts';
import { BlockKernel } from './block-kernel.ts';

/** What is done to four values. Each may write the two variables that it is given. */
export interface HalfLanes {
  /** The upper 16 bits of each lane are 0. */
  encode(value: Local, scratch: Scratch): Code;
  /** Of lanes as `encode` leaves them. */
  decode(half: Local, scratch: Scratch): Code;
  /** Both, one after the other. */
  round(value: Local, scratch: Scratch): Code;
}

export type Scratch = readonly [Local, Local];

const blockLength = 16;
/** Where the four vectors of a block begin. */
const offsets = [0, 16, 32, 48];

export function halvesKernel(lanes: HalfLanes): BlockKernel {
  return new BlockKernel({
    blockLength,
    partBytes: [2 * blockLength],
    assemble: () => assemble(lanes),
  });
}

function assemble(lanes: HalfLanes): Uint8Array {
  type NewLocal = (type: 'v128') => Local;
  const scratchOf = (newLocal: NewLocal): Scratch => [newLocal('v128'), newLocal('v128')];
  return assembleGuest([
    assembleFunction('encode', ['values', 'end', 'draw', 'halves'], (parameters, newLocal) => {
      const { values, end, halves } = parameters;
      const [value, low, high] = [newLocal('v128'), newLocal('v128'), newLocal('v128')];
      const scratch = scratchOf(newLocal);
      const halfAt = (offset: number, half: Local): Code => [
        ...set(value, vector.load(values, offset)),
        ...set(half, lanes.encode(value, scratch)),
      ];
      const body = [0, 32].flatMap((offset) => [
        halfAt(offset, low),
        halfAt(offset + 16, high),
        vector.store(halves, narrow.toUnsignedHalves(low, high), offset / 2),
      ]);
      return eachBlock({ values, end, halves }, body);
    }),
    assembleFunction('decode', ['values', 'end', 'halves'], ({ values, end, halves }, newLocal) => {
      const half = newLocal('v128');
      const scratch = scratchOf(newLocal);
      const body = offsets.flatMap((offset) => [
        set(half, words.loadHalves(halves, offset / 2)),
        vector.store(values, lanes.decode(half, scratch), offset),
      ]);
      return eachBlock({ values, end, halves }, body);
    }),
    assembleFunction('round', ['values', 'end', 'draw'], ({ values, end }, newLocal) => {
      const value = newLocal('v128');
      const scratch = scratchOf(newLocal);
      const body = offsets.flatMap((offset) => [
        set(value, vector.load(values, offset)),
        vector.store(values, lanes.round(value, scratch), offset),
      ]);
      return eachBlock({ values, end }, body);
    }),
  ]);
}

interface Block {
  readonly values: Local;
  readonly end: Local;
  readonly halves?: Local;
}

function eachBlock({ values, end, halves }: Block, body: readonly Code[]): Code[] {
  return [
    whileLoop(
      isLess(values, end),
      ...body,
      increase(values, 4 * blockLength),
      ...(halves ? [increase(halves, 2 * blockLength)] : []),
    ),
  ];
}
