// What the codecs of 16 bits have in common.
import type { Codec } from '../contracts.ts';
import { addInto, squareSums, sumOfSquares } from '../vectors/loops.ts';
import { set } from '../wasm/instructions.ts';
import { words as wordLanes } from '../wasm/lanes.ts';
import { type HalfLanes, halvesBytes, storeRounded, withTools } from './half-lanes.ts';
import { halvesKernel } from './halves-kernel.ts';
import { Joiner } from './joining.ts';
import { bitsOf, refuseOtherLength, wordsOf } from './memory.ts';
import { RoundingAdder } from './rounding-adder.ts';

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
  const adder = new RoundingAdder(lanes);
  const joiner = new Joiner({
    encodedBytes: halvesBytes,
    open: (newLocal, work) =>
      withTools(newLocal, (tools) =>
        work({
          load: (value, halves, offset) => [
            set(value, wordLanes.loadHalves(halves, offset / 2)),
            set(value, lanes.decode(value, tools)),
          ],
          store: (values, block) => [storeRounded(lanes, values, block, tools)],
        }),
      ),
  });
  const decodeFrom = (first: number, bytes: Uint8Array, into: Float32Array): void => {
    const halves = wordsOf(bytes, into.length);
    const words = bitsOf(into);
    for (let at = first; at < into.length; at++) words[at] = wordOf(halves[at]);
  };
  const round = (values: Float32Array): void => {
    const words = bitsOf(values);
    for (let at = kernel.round(values); at < values.length; at++) {
      words[at] = wordOf(halfOf(words[at], values[at]));
    }
  };
  const addRounded = (into: Float32Array, from: Float32Array): void => {
    const done = adder.addRounded(into, from);
    const rest = into.subarray(done);
    addInto(rest, from.subarray(done));
    round(rest);
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
    join: (bytes, into, other) => {
      refuseOtherLength(name, bytes, 2 * into.length);
      const sums = new Float64Array(squareSums);
      const done = joiner.join(bytes, into, other, sums);
      if (done === 0) codec.decode(bytes, into);
      else decodeFrom(done, bytes, into);
      const rest = into.subarray(done);
      const squares = sumOfSquares(rest, sums);
      if (other !== undefined) addRounded(rest, other.subarray(done));
      return squares;
    },
    round,
    addRounded,
  };
  return codec;
}
