import type { Codec } from '../contracts.ts';
import { bytesOf, refuseOtherLength } from './memory.ts';

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
  view: bytesOf,
  round: () => undefined,
};
