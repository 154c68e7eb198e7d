// What the codecs of 16 bits have in common.
import type { Codec } from '../contracts.ts';
import { addInto, squareSums, sumOfSquares } from '../vectors/loops.ts';
import { FusedHalves } from './fused-halves.ts';
import type { HalfLanes } from './half-lanes.ts';
import { halvesKernel } from './halves-kernel.ts';
import { bitsOf, refuseOtherLength, wordsOf } from './memory.ts';

export interface HalvesOptions extends Pick<Codec, 'relativeError' | 'absoluteError' | 'largest'> {
  readonly name: string;
  /** The 16 bits of a value, which comes as its own bits and as a number. */
  halfOf(word: number, value: number): number;
  /** The bits of the value that these 16 stand for. */
  wordOf(half: number): number;
  /** The same for four values. */
  readonly lanes: HalfLanes;
}

export function halvesCodec({ name, halfOf, wordOf, lanes, ...promises }: HalvesOptions): Codec {
  const kernel = halvesKernel(lanes);
  const fused = new FusedHalves(lanes);
  const decodeFrom = (first: number, bytes: Uint8Array, into: Float32Array): void => {
    const halves = wordsOf(bytes, into.length);
    const words = bitsOf(into);
    for (let at = first; at < into.length; at++) words[at] = wordOf(halves[at]);
  };
  const codec: Codec = {
    ...promises,
    byteLength: (length) => 2 * length,
    encode: (values, bytes) => {
      refuseOtherLength(name, bytes, 2 * values.length);
      const words = bitsOf(values);
      const halves = wordsOf(bytes, values.length);
      for (let at = kernel.encode(values, [bytes]); at < values.length; at++) {
        halves[at] = halfOf(words[at], values[at]);
      }
    },
    decode: (bytes, into) => {
      refuseOtherLength(name, bytes, 2 * into.length);
      decodeFrom(kernel.decode(into, [bytes]), bytes, into);
      return into;
    },
    decodeSquares: (bytes, into) => {
      refuseOtherLength(name, bytes, 2 * into.length);
      const sums = new Float64Array(squareSums);
      const done = fused.decodeSquares(bytes, into, sums);
      if (done === 0) codec.decode(bytes, into);
      else decodeFrom(done, bytes, into);
      return sumOfSquares(into.subarray(done), sums);
    },
    round: (values) => {
      const words = bitsOf(values);
      for (let at = kernel.round(values); at < values.length; at++) {
        words[at] = wordOf(halfOf(words[at], values[at]));
      }
    },
    addRounded: (into, from, seed) => {
      const done = fused.addRounded(into, from);
      const rest = into.subarray(done);
      addInto(rest, from.subarray(done));
      codec.round(rest, seed);
    },
  };
  return codec;
}
