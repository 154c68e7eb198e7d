// What is done to long vectors at every step, in WebAssembly SIMD. Each function takes whole blocks of 64 bytes; callers
// do the rest themselves, and all of it where there is no WebAssembly, with the same bits.
import type { Code } from '../wasm/encoding.ts';
import {
  doubles,
  increase,
  integers,
  isLess,
  type Local,
  set,
  vector,
  whileLoop,
} from '../wasm/instructions.ts';
import { type AssembledFunction, assembleFunction, assembleModule } from '../wasm/module.ts';
import type { WasmMemory } from '../wasm/runtime.ts';
import { laneRound } from '../xxhash32.ts';

/** A cache line. */
export const blockBytes = 64;
const vectorBytes = 16;
const floatBytes = 4;
const pairBytes = 8;
/** Where the vectors of a block begin. */
export const vectorOffsets = offsets(vectorBytes);
/** The first block of the memory: there functions find numbers that are no addresses, and leave those that they return. */
const desk = 0;

/** Every argument is an address; `end` is that of the first byte behind the first vector. */
export interface VectorKernel {
  readonly memory: WasmMemory;
  /** into[i] += from[i], in float32. */
  add(into: number, end: number, from: number): void;
  /** weights[i] = keep * weights[i] - scale * slopes[i] in float64, rounded once. On the desk: keep, scale. */
  descend(weights: number, end: number, slopes: number): void;
  /** As `blend` in `loops.ts`. On the desk: keep, scale. */
  blend(into: number, end: number, other: number): void;
  /** As `roll` in `loops.ts`, whose factors are on the desk, in order and as float32. */
  roll(weights: number, end: number, slopes: number, velocity: number): void;
  /** Adds value i squared to sum i mod 8, in float64. On the desk: the eight sums. */
  addSquares(values: number, end: number): void;
  /** One round of xxHash32 for each word; word i goes to lane i mod 16. On the desk: the sixteen lanes. */
  hashLanes(words: number, end: number): void;
}

export function assembleVectorKernel(): Uint8Array {
  return assembleModule([
    addFunction(),
    descendFunction(),
    blendFunction(),
    rollFunction(),
    squaresFunction(),
    hashFunction(),
  ]);
}

function addFunction(): AssembledFunction {
  return assembleFunction('add', ['into', 'end', 'from'], ({ into, end, from }) => [
    whileLoop(
      isLess(into, end),
      ...offsets(vectorBytes).map((offset) => {
        const sum = vector.add(vector.load(into, offset), vector.load(from, offset));
        return vector.store(into, sum, offset);
      }),
      increase(into, blockBytes),
      increase(from, blockBytes),
    ),
  ]);
}

function descendFunction(): AssembledFunction {
  return assembleFunction(
    'descend',
    ['weights', 'end', 'slopes'],
    ({ weights, end, slopes }, newLocal) => {
      const [keep, scale] = [newLocal('v128'), newLocal('v128')];
      return [
        set(keep, doubles.loadSplat(desk, 0)),
        set(scale, doubles.loadSplat(desk, 8)),
        whileLoop(
          isLess(weights, end),
          ...offsets(pairBytes).map((offset) => {
            const kept = doubles.multiply(keep, doubles.loadFloats(weights, offset));
            const moved = doubles.multiply(scale, doubles.loadFloats(slopes, offset));
            return doubles.storeFloats(weights, doubles.subtract(kept, moved), offset);
          }),
          increase(weights, blockBytes),
          increase(slopes, blockBytes),
        ),
      ];
    },
  );
}

function blendFunction(): AssembledFunction {
  return assembleFunction('blend', ['into', 'end', 'other'], ({ into, end, other }, newLocal) => {
    const [keep, scale, value] = [newLocal('v128'), newLocal('v128'), newLocal('v128')];
    return [
      set(keep, doubles.loadSplat(desk, 0)),
      set(scale, doubles.loadSplat(desk, pairBytes)),
      whileLoop(
        isLess(into, end),
        ...offsets(pairBytes).flatMap((offset) => {
          const distance = doubles.subtract(doubles.loadFloats(other, offset), value);
          const blended = doubles.add(
            doubles.multiply(keep, value),
            doubles.multiply(scale, distance),
          );
          return [
            set(value, doubles.loadFloats(into, offset)),
            doubles.storeFloats(into, blended, offset),
          ];
        }),
        increase(into, blockBytes),
        increase(other, blockBytes),
      ),
    ];
  });
}

function rollFunction(): AssembledFunction {
  return assembleFunction(
    'roll',
    ['weights', 'end', 'slopes', 'velocity'],
    ({ weights, end, slopes, velocity }, newLocal) => {
      const factors = Array.from({ length: 6 }, () => newLocal('v128'));
      const [ofSum, decay, momentum, ofSlope, ofVelocity, ofMove] = factors;
      const locals = Array.from({ length: 4 }, () => newLocal('v128'));
      const [zero, weight, slope, moved] = locals;
      const { load, store, multiplyAdd } = vector;
      return [
        ...factors.map((factor, at) => set(factor, vector.loadSplat(desk + at * floatBytes))),
        whileLoop(
          isLess(weights, end),
          ...offsets(vectorBytes).flatMap((offset) => [
            set(weight, load(weights, offset)),
            set(slope, multiplyAdd(load(slopes, offset), ofSum, zero)),
            set(slope, multiplyAdd(decay, weight, slope)),
            set(moved, multiplyAdd(momentum, load(velocity, offset), slope)),
            store(velocity, moved, offset),
            set(moved, multiplyAdd(ofVelocity, moved, multiplyAdd(ofSlope, slope, zero))),
            store(weights, multiplyAdd(ofMove, moved, weight), offset),
          ]),
          increase(weights, blockBytes),
          increase(slopes, blockBytes),
          increase(velocity, blockBytes),
        ),
      ];
    },
  );
}

function squaresFunction(): AssembledFunction {
  return assembleFunction('addSquares', ['values', 'end'], ({ values, end }, newLocal) => {
    const sums = offsets(vectorBytes).map(() => newLocal('v128'));
    const pair = newLocal('v128');
    return withDesk(sums, [
      whileLoop(
        isLess(values, end),
        ...offsets(pairBytes).flatMap((offset, at) => {
          const sum = sums[at % sums.length];
          return [
            set(pair, doubles.loadFloats(values, offset)),
            set(sum, doubles.add(sum, doubles.multiply(pair, pair))),
          ];
        }),
        increase(values, blockBytes),
      ),
    ]);
  });
}

function hashFunction(): AssembledFunction {
  const { factor, bits, outerFactor } = laneRound;
  return assembleFunction('hashLanes', ['words', 'end'], ({ words, end }, newLocal) => {
    const lanes = offsets(vectorBytes).map(() => newLocal('v128'));
    const [inner, outer] = [newLocal('v128'), newLocal('v128')];
    return withDesk(lanes, [
      set(inner, integers.splat(factor | 0)),
      set(outer, integers.splat(outerFactor | 0)),
      whileLoop(
        isLess(words, end),
        ...lanes.flatMap((lane, at) => [
          set(
            lane,
            integers.add(lane, integers.multiply(vector.load(words, at * vectorBytes), inner)),
          ),
          set(lane, integers.multiply(integers.rotateLeft(lane, bits), outer)),
        ]),
        increase(words, blockBytes),
      ),
    ]);
  });
}

/** The variables are what is on the desk, before and after. */
export function withDesk(locals: readonly Local[], body: readonly Code[]): Code[] {
  return [
    ...locals.map((local, at) => set(local, vector.load(desk, at * vectorBytes))),
    ...body,
    ...locals.map((local, at) => vector.store(desk, local, at * vectorBytes)),
  ];
}

/** Where the pieces of a block begin. */
function offsets(pieceBytes: number): number[] {
  return Array.from({ length: blockBytes / pieceBytes }, (_, at) => at * pieceBytes);
}
