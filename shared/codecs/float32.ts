import type { Codec } from '../contracts.ts';
import { blockBytes } from '../vectors/kernel.ts';
import { addInto, squareSums, sumOfSquares } from '../vectors/loops.ts';
import { set, vector } from '../wasm/instructions.ts';
import { Joiner, storeAll } from './joining.ts';
import { bytesOf, refuseOtherLength } from './memory.ts';

const joiner = new Joiner({
  encodedBytes: blockBytes,
  open: (_, work) =>
    work({
      load: (value, bytes, offset) => [set(value, vector.load(bytes, offset))],
      store: storeAll,
    }),
});

/** The values as they are, little-endian: what both ends hold in memory, so nothing is converted. */
export const float32: Codec = {
  byteLength: (length) => 4 * length,
  relativeError: 0,
  absoluteError: 0,
  encode: (values, bytes) => {
    refuseOtherLength('float32', bytes, 4 * values.length);
    bytes.set(bytesOf(values));
  },
  decode: (bytes, into) => {
    refuseOtherLength('float32', bytes, 4 * into.length);
    return new Float32Array(bytes.buffer, bytes.byteOffset, into.length);
  },
  join: (bytes, into, other) => {
    const values = float32.decode(bytes, into);
    const sums = new Float64Array(squareSums);
    const done = joiner.join(bytes, into, other, sums);
    const rest = into.subarray(done);
    rest.set(values.subarray(done));
    const squares = sumOfSquares(rest, sums);
    if (other !== undefined) addInto(rest, other.subarray(done));
    return squares;
  },
  view: bytesOf,
  round: () => undefined,
};
