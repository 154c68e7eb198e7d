// Decoding, the squares for its check and the addition in one pass, where all that it goes over lies in one memory: what
// another processor has just written is read once.
import { GuestModule } from '../vectors/guest-module.ts';
import { blockBytes, vectorOffsets, withDesk } from '../vectors/kernel.ts';
import { addressOf, onDesk, wholeBlocks } from '../vectors/loops.ts';
import type { Code } from '../wasm/encoding.ts';
import { assembleGuest } from '../wasm/guest.ts';
import {
  doubles,
  increase,
  isLess,
  type Local,
  set,
  vector,
  whileLoop,
} from '../wasm/instructions.ts';
import { assembleFunction } from '../wasm/module.ts';

type NewLocal = (type: 'v128') => Local;

/** How a codec goes over a block of values, four to a vector. */
export interface JoinLanes {
  /** Of an encoded block. */
  readonly encodedBytes: number;
  /** The body of a function, which `work` makes of the two. */
  open(newLocal: NewLocal, work: (lanes: OpenLanes) => Code[]): Code[];
}

export interface OpenLanes {
  /** Decodes the four values at `offset` of the decoded block. */
  load(value: Local, bytes: Local, offset: number): Code[];
  /** Rounds and stores the block. */
  store(values: Local, block: readonly Local[]): Code[];
}

/** `end` is the address of the first byte behind the values. On the desk: eight sums, as of `sumOfSquares`. */
interface JoinFunctions {
  take(values: number, end: number, bytes: number): void;
  join(values: number, end: number, bytes: number, other: number): void;
}

export class Joiner {
  readonly #module: GuestModule<JoinFunctions>;

  constructor(lanes: JoinLanes) {
    this.#module = new GuestModule(() => assembleGuest([takeFunction(lanes), joinFunction(lanes)]));
  }

  /**
   * For whole blocks from the first on, what `join` of a codec does; `sums` as in `sumOfSquares`. Returns how many values
   * it did: none where they are not in the memory of one kernel.
   */
  join(
    bytes: Uint8Array,
    into: Float32Array,
    other: Float32Array | undefined,
    sums: Float64Array,
  ): number {
    const functions = this.#module.functionsFor(into, bytes, other ?? into);
    if (functions === undefined) return 0;
    const done = wholeBlocks(into);
    const [values, end] = [into.byteOffset, addressOf(into, done)];
    onDesk(into, sums, () => {
      if (other === undefined) functions.take(values, end, bytes.byteOffset);
      else functions.join(values, end, bytes.byteOffset, other.byteOffset);
    });
    return done;
  }
}

function takeFunction(lanes: JoinLanes) {
  return assembleFunction('take', ['values', 'end', 'bytes'], (input, newLocal) =>
    lanes.open(newLocal, ({ load }) =>
      eachBlock(lanes, input, newLocal, { load, store: storeAll }),
    ),
  );
}

function joinFunction(lanes: JoinLanes) {
  const names = ['values', 'end', 'bytes', 'other'] as const;
  return assembleFunction('join', names, ({ other, ...input }, newLocal) =>
    lanes.open(newLocal, ({ load, store }) =>
      eachBlock(lanes, input, newLocal, {
        load,
        store: (values, block) => [
          ...block.map((value, at) =>
            set(value, vector.add(value, vector.load(other, vectorOffsets[at]))),
          ),
          ...store(values, block),
          increase(other, blockBytes),
        ],
      }),
    ),
  );
}

function eachBlock(
  { encodedBytes }: JoinLanes,
  { values, end, bytes }: Readonly<Record<'values' | 'end' | 'bytes', Local>>,
  newLocal: NewLocal,
  { load, store }: OpenLanes,
): Code[] {
  const block = vectorOffsets.map(() => newLocal('v128'));
  const sums = vectorOffsets.map(() => newLocal('v128'));
  const pair = newLocal('v128');
  const addSquares = (sum: Local, values: Code): Code[] => [
    set(pair, values),
    set(sum, doubles.add(sum, doubles.multiply(pair, pair))),
  ];
  return withDesk(sums, [
    whileLoop(
      isLess(values, end),
      ...block.flatMap((value, at) => [
        ...load(value, bytes, vectorOffsets[at]),
        ...addSquares(sums[(2 * at) % sums.length], doubles.ofLowFloats(value)),
        ...addSquares(sums[(2 * at + 1) % sums.length], doubles.ofHighFloats(value)),
      ]),
      ...store(values, block),
      increase(values, blockBytes),
      increase(bytes, encodedBytes),
    ),
  ]);
}

/** As they are. */
export function storeAll(values: Local, block: readonly Local[]): Code[] {
  return block.map((value, at) => vector.store(values, value, vectorOffsets[at]));
}
