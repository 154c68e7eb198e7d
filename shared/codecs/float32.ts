import type { Codec } from '../contracts.ts';
import { bytesOf, refuseOtherLength } from './memory.ts';

/** The values as they are, little-endian: what both ends hold in memory, so nothing is converted or copied. */
export const float32: Codec = {
  byteLength: (length) => 4 * length,
  relativeError: 0,
  absoluteError: 0,
  encode: bytesOf,
  decode: (bytes, length) => {
    refuseOtherLength('float32', bytes, 4 * length);
    return new Float32Array(bytes.buffer, bytes.byteOffset, length);
  },
};
