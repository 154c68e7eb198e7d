// How WebAssembly goes over values of 16 bits: sixteen a round, four to a vector.
import { blockBytes, vectorOffsets } from '../vectors/kernel.ts';
import type { Code } from '../wasm/encoding.ts';
import {
  ifElse,
  increase,
  isLess,
  type Local,
  set,
  vector,
  whileLoop,
} from '../wasm/instructions.ts';
import { words } from '../wasm/lanes.ts';

/** What is done to four values. */
export interface HalfLanes {
  /** Some of four vectors may be no usual numbers: a condition. Where it does not hold, `isUsual` saves steps. */
  areUnusual(vectors: readonly Local[], tools: Tools): Code;
  /** The upper 16 bits of each lane are 0. */
  encode(value: Local, tools: Tools, isUsual: boolean): Code;
  /** Of lanes as `encode` leaves them. */
  decode(half: Local, tools: Tools): Code;
  /** Both, one after the other. */
  round(value: Local, tools: Tools, isUsual: boolean): Code;
}

export interface Tools {
  /** To be written by whoever is given them. */
  readonly scratch: readonly [Local, Local];
  /** Of 32 bits, four times. */
  constant(value: number): Local;
}

export const blockLength = blockBytes / Float32Array.BYTES_PER_ELEMENT;
export const halvesBytes = 2 * blockLength;

export function storeRounded(
  lanes: HalfLanes,
  values: Local,
  block: readonly Local[],
  tools: Tools,
): Code {
  return eitherWay(lanes, block, tools, (isUsual) =>
    block.map((value, at) =>
      vector.store(values, lanes.round(value, tools, isUsual), vectorOffsets[at]),
    ),
  );
}

export function eitherWay(
  lanes: HalfLanes,
  block: readonly Local[],
  tools: Tools,
  work: (isUsual: boolean) => Code[],
): Code {
  return ifElse(lanes.areUnusual(block, tools), work(false), work(true));
}

/** Decodes four values of a block. */
export function decoder(
  lanes: HalfLanes,
  { values, halves }: Record<'values' | 'halves', Local>,
  half: Local,
  tools: Tools,
): (offset: number) => Code[] {
  return (offset) => [
    set(half, words.loadHalves(halves, offset / 2)),
    vector.store(values, lanes.decode(half, tools), offset),
  ];
}

/** Constants are variables that are set before: written out where they are used, they make a module several times as long. */
export function withTools(
  newLocal: (type: 'v128') => Local,
  work: (tools: Tools) => Code[],
): Code[] {
  const constants = new Map<number, Local>();
  const constant = (value: number): Local => {
    const local = constants.get(value) ?? newLocal('v128');
    constants.set(value, local);
    return local;
  };
  const body = work({ scratch: [newLocal('v128'), newLocal('v128')], constant });
  return [...[...constants].map(([value, local]) => set(local, words.constant(value))), ...body];
}

interface Block {
  readonly values: Local;
  readonly end: Local;
  readonly halves?: Local;
}

export function eachBlock({ values, end, halves }: Block, body: readonly Code[]): Code[] {
  return [
    whileLoop(
      isLess(values, end),
      ...body,
      increase(values, blockBytes),
      ...(halves ? [increase(halves, halvesBytes)] : []),
    ),
  ];
}
