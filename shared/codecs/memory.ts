// Views of the same memory as other numbers, for codecs. Machines that run tutti are little-endian.

/** Of each float32. */
export function bitsOf({ buffer, byteOffset, length }: Float32Array): Uint32Array {
  return new Uint32Array(buffer, byteOffset, length);
}

export function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** `byteOffset` of the bytes must be even. */
export function wordsOf({ buffer, byteOffset }: Uint8Array, length: number): Uint16Array {
  return new Uint16Array(buffer, byteOffset, length);
}

export function refuseOtherLength(codec: string, bytes: Uint8Array, expected: number): void {
  if (bytes.length === expected) return;
  throw new RangeError(`expected ${expected} bytes of ${codec}, got ${bytes.length}`);
}
