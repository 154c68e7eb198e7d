// xxHash32 (Collet, public specification): fast in plain JavaScript, and changes with any flipped bit. Little-endian
// machines only, like typed arrays here.

const prime1 = 0x9e3779b1;
const prime2 = 0x85ebca77;
const prime3 = 0xc2b2ae3d;
const prime4 = 0x27d4eb2f;
const prime5 = 0x165667b1;

/** What a lane does with a word: `lane = rotateLeft(lane + word * factor, bits) * outerFactor`. */
export const laneRound = { factor: prime2, bits: 13, outerFactor: prime1 } as const;

/** 32-bit hash of `bytes`, as an unsigned integer. */
export function xxHash32(bytes: Uint8Array, seed = 0): number {
  const { length } = bytes;
  const laneWords = (length >>> 4) << 2;
  let hash: number;
  if (laneWords > 0) {
    const [a, b, c, d] = foldWords(wordsOf(bytes, laneWords), laneStarts(seed));
    hash = (rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18)) | 0;
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

/** The four lanes before the first word. */
export function laneStarts(seed: number): Int32Array {
  return Int32Array.of(seed + prime1 + prime2, seed + prime2, seed, seed - prime1);
}

/**
 * The bulk of the work: word i goes to lane i modulo their number, which is a multiple of 4 and divides that of the
 * words. Four lanes at a time, which the processor runs side by side. Returns `lanes`, changed in place.
 */
export function foldWords(words: Int32Array, lanes: Int32Array): Int32Array {
  for (let first = 0; first < lanes.length; first += 4) {
    let [a, b, c, d] = lanes.subarray(first, first + 4);
    for (let at = first; at < words.length; at += lanes.length) {
      a = Math.imul(rotate(a + Math.imul(words[at], prime2), 13), prime1);
      b = Math.imul(rotate(b + Math.imul(words[at + 1], prime2), 13), prime1);
      c = Math.imul(rotate(c + Math.imul(words[at + 2], prime2), 13), prime1);
      d = Math.imul(rotate(d + Math.imul(words[at + 3], prime2), 13), prime1);
    }
    lanes.set([a, b, c, d], first);
  }
  return lanes;
}

/** A view where the memory allows one, a copy where the bytes start at an odd place. */
export function wordsOf(bytes: Uint8Array, count: number): Int32Array {
  if (bytes.byteOffset % 4 === 0) return new Int32Array(bytes.buffer, bytes.byteOffset, count);
  const copy = new Int32Array(count);
  // Not `slice`: Node's Buffer answers that with a view.
  new Uint8Array(copy.buffer).set(bytes.subarray(0, count * 4));
  return copy;
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}
