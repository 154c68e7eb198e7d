// xxHash32 (Collet, public specification): fast in plain JavaScript, and changes with any flipped bit.

const prime1 = 0x9e3779b1;
const prime2 = 0x85ebca77;
const prime3 = 0xc2b2ae3d;
const prime4 = 0x27d4eb2f;
const prime5 = 0x165667b1;

/** 32-bit checksum of `bytes`, as an unsigned integer. Little-endian machines only, like typed arrays here. */
export function checksum(bytes: Uint8Array, seed = 0): number {
  const { length } = bytes;
  const laneWords = (length >>> 4) << 2;
  let hash: number;
  if (laneWords > 0) {
    hash = laneHash(wordsOf(bytes, laneWords), laneWords, seed);
  } else {
    hash = (seed + prime5) | 0;
  }
  hash = (hash + length) | 0;
  let at = laneWords * 4;
  for (; at + 4 <= length; at += 4) {
    const word = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
    hash = Math.imul(rotate(hash + Math.imul(word, prime3), 17), prime4);
  }
  for (; at < length; at++) {
    hash = Math.imul(rotate(hash + Math.imul(bytes[at], prime5), 11), prime1);
  }
  hash = Math.imul(hash ^ (hash >>> 15), prime2);
  hash = Math.imul(hash ^ (hash >>> 13), prime3);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The bulk of the work: four independent lanes, which the processor runs side by side. */
function laneHash(words: Int32Array, count: number, seed: number): number {
  let a = (seed + prime1 + prime2) | 0;
  let b = (seed + prime2) | 0;
  let c = seed | 0;
  let d = (seed - prime1) | 0;
  for (let at = 0; at < count; at += 4) {
    a = Math.imul(rotate(a + Math.imul(words[at], prime2), 13), prime1);
    b = Math.imul(rotate(b + Math.imul(words[at + 1], prime2), 13), prime1);
    c = Math.imul(rotate(c + Math.imul(words[at + 2], prime2), 13), prime1);
    d = Math.imul(rotate(d + Math.imul(words[at + 3], prime2), 13), prime1);
  }
  return (rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18)) | 0;
}

/** A view where the memory allows one, a copy where the bytes start at an odd place. */
function wordsOf(bytes: Uint8Array, count: number): Int32Array {
  if (bytes.byteOffset % 4 === 0) return new Int32Array(bytes.buffer, bytes.byteOffset, count);
  const copy = new Int32Array(count);
  // Not `slice`: Node's Buffer answers that with a view.
  new Uint8Array(copy.buffer).set(bytes.subarray(0, count * 4));
  return copy;
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}
