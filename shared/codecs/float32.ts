import type { Codec } from '../contracts.ts';

/** The values as they are, little-endian: what both ends hold in memory, so nothing is converted or copied. */
export const float32: Codec = {
  bytesPerValue: 4,
  relativeError: 0,
  encode: ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength),
  decode: (bytes, length) => {
    if (bytes.length !== length * 4) {
      throw new RangeError(`expected ${length * 4} bytes of float32, got ${bytes.length}`);
    }
    return new Float32Array(bytes.buffer, bytes.byteOffset, length);
  },
};
