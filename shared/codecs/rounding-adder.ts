// Adds and rounds in one pass, for the codecs of 16 bits, where both vectors lie in one memory.
import { GuestModule } from '../vectors/guest-module.ts';
import { blockBytes, vectorOffsets } from '../vectors/kernel.ts';
import { addressOf, wholeBlocks } from '../vectors/loops.ts';
import type { Code } from '../wasm/encoding.ts';
import { assembleGuest } from '../wasm/guest.ts';
import { increase, set, vector } from '../wasm/instructions.ts';
import { assembleFunction } from '../wasm/module.ts';
import { eachBlock, type HalfLanes, storeRounded, withTools } from './half-lanes.ts';

/** `end` is the address of the first byte behind the values. */
interface AddFunctions {
  /** values[i] += from[i], then rounded. */
  addRounded(values: number, end: number, from: number): void;
}

export class RoundingAdder {
  readonly #module: GuestModule<AddFunctions>;

  constructor(lanes: HalfLanes) {
    this.#module = new GuestModule(() => assembleGuest([addRoundedFunction(lanes)]));
  }

  /** Returns how many values it did: whole blocks, and none elsewhere. */
  addRounded(into: Float32Array, from: Float32Array): number {
    const functions = this.#module.functionsFor(into, from);
    if (functions === undefined) return 0;
    const done = wholeBlocks(into);
    functions.addRounded(into.byteOffset, addressOf(into, done), from.byteOffset);
    return done;
  }
}

function addRoundedFunction(lanes: HalfLanes) {
  const names = ['values', 'end', 'from'] as const;
  return assembleFunction('addRounded', names, ({ values, end, from }, newLocal) =>
    withTools(newLocal, (tools) => {
      const block = vectorOffsets.map(() => newLocal('v128'));
      const sumAt = (offset: number): Code =>
        vector.add(vector.load(values, offset), vector.load(from, offset));
      return eachBlock({ values, end }, [
        ...block.map((value, at) => set(value, sumAt(vectorOffsets[at]))),
        storeRounded(lanes, values, block, tools),
        increase(from, blockBytes),
      ]);
    }),
  );
}
