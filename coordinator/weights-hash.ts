import { createHash } from 'node:crypto';

/** The identity of weights: SHA-256, as hex, of their float32 bytes, little-endian. */
export function weightsHash({ buffer, byteOffset, byteLength }: Float32Array): string {
  return sha256(new Uint8Array(buffer, byteOffset, byteLength));
}

export function sha256(content: Uint8Array | string): string {
  return createHash('sha256').update(content).digest('hex');
}
