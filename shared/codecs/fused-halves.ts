// Two passes in one, for the codecs of 16 bits, where all that they go over lies in one memory.
import { GuestModule } from '../vectors/guest-module.ts';
import { blockBytes, withDesk } from '../vectors/kernel.ts';
import { addressOf, onDesk, wholeBlocks } from '../vectors/loops.ts';
import type { Code } from '../wasm/encoding.ts';
import { assembleGuest } from '../wasm/guest.ts';
import { doubles, increase, set, vector } from '../wasm/instructions.ts';
import { assembleFunction } from '../wasm/module.ts';
import {
  decoder,
  eachBlock,
  type HalfLanes,
  offsets,
  storeRounded,
  withTools,
} from './half-lanes.ts';

/** `end` is the address of the first byte behind the values. */
interface FusedFunctions {
  /** Decodes, and adds value i squared to sum i mod 8, in float64. On the desk: the eight sums. */
  decodeSquares(values: number, end: number, halves: number): void;
  /** values[i] += from[i], then rounded. */
  addRounded(values: number, end: number, from: number): void;
}

const pairBytes = 8;

/** Each returns how many values it did: whole blocks, and none elsewhere. */
export class FusedHalves {
  readonly #module: GuestModule<FusedFunctions>;

  constructor(lanes: HalfLanes) {
    this.#module = new GuestModule(() =>
      assembleGuest([decodeSquaresFunction(lanes), addRoundedFunction(lanes)]),
    );
  }

  /** `sums` as in `sumOfSquares`. */
  decodeSquares(bytes: Uint8Array, into: Float32Array, sums: Float64Array): number {
    const functions = this.#module.functionsFor(into, bytes);
    if (functions === undefined) return 0;
    const done = wholeBlocks(into);
    onDesk(into, sums, () =>
      functions.decodeSquares(into.byteOffset, addressOf(into, done), bytes.byteOffset),
    );
    return done;
  }

  addRounded(into: Float32Array, from: Float32Array): number {
    const functions = this.#module.functionsFor(into, from);
    if (functions === undefined) return 0;
    const done = wholeBlocks(into);
    functions.addRounded(into.byteOffset, addressOf(into, done), from.byteOffset);
    return done;
  }
}

function decodeSquaresFunction(lanes: HalfLanes) {
  return assembleFunction('decodeSquares', ['values', 'end', 'halves'], (input, newLocal) =>
    withTools(newLocal, (tools) => {
      const sums = offsets.map(() => newLocal('v128'));
      const pair = newLocal('v128');
      const addSquares = (offset: number): Code[] => {
        const sum = sums[(offset / pairBytes) % sums.length];
        return [
          set(pair, doubles.loadFloats(input.values, offset)),
          set(sum, doubles.add(sum, doubles.multiply(pair, pair))),
        ];
      };
      const decodeAt = decoder(lanes, input, newLocal('v128'), tools);
      const body = offsets.flatMap((offset) => [
        ...decodeAt(offset),
        ...addSquares(offset),
        ...addSquares(offset + pairBytes),
      ]);
      return withDesk(sums, eachBlock(input, body));
    }),
  );
}

function addRoundedFunction(lanes: HalfLanes) {
  const names = ['values', 'end', 'from'] as const;
  return assembleFunction('addRounded', names, ({ values, end, from }, newLocal) =>
    withTools(newLocal, (tools) => {
      const block = offsets.map(() => newLocal('v128'));
      const sumAt = (offset: number): Code =>
        vector.add(vector.load(values, offset), vector.load(from, offset));
      return eachBlock({ values, end }, [
        ...block.map((value, at) => set(value, sumAt(offsets[at]))),
        storeRounded(lanes, values, block, tools),
        increase(from, blockBytes),
      ]);
    }),
  );
}
