// SHA-256 (FIPS 180-4) for pages that came over plain HTTP, to which browsers give none. A library would take four
// times the bytes, on the very pages that phones load.

/** The first 32 bits of the fractional parts of the roots of the first `count` primes. */
function fractionsOfRoots(count: number, root: (value: number) => number): Uint32Array {
  const fractions: number[] = [];
  for (let candidate = 2; fractions.length < count; candidate++) {
    let divisor = 2;
    while (candidate % divisor !== 0) divisor++;
    if (divisor === candidate) fractions.push((root(candidate) % 1) * 2 ** 32);
  }
  return Uint32Array.from(fractions);
}

const roundConstants = fractionsOfRoots(64, Math.cbrt);
const initialState = fractionsOfRoots(8, Math.sqrt);
const blockBytes = 64;

/** In hex. */
export function sha256(message: Uint8Array): string {
  const state = initialState.slice();
  const whole = message.length - (message.length % blockBytes);
  // What is left, a bit that is set, zeros, and the length in bits.
  const tail = new Uint8Array(
    message.length - whole + 9 <= blockBytes ? blockBytes : 2 * blockBytes,
  );
  tail.set(message.subarray(whole));
  tail[message.length - whole] = 0x80;
  new DataView(tail.buffer).setBigUint64(tail.length - 8, BigInt(message.length) * 8n);
  const words = new Uint32Array(64);
  for (let at = 0; at < whole; at += blockBytes) addBlock(state, message, at, words);
  for (let at = 0; at < tail.length; at += blockBytes) addBlock(state, tail, at, words);
  return Array.from(state, (word) => word.toString(16).padStart(8, '0')).join('');
}

function addBlock(state: Uint32Array, bytes: Uint8Array, start: number, words: Uint32Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, blockBytes);
  for (let at = 0; at < 16; at++) words[at] = view.getUint32(4 * at);
  for (let at = 16; at < 64; at++) {
    const [near, far] = [words[at - 2], words[at - 15]];
    const low = rotate(far, 7) ^ rotate(far, 18) ^ (far >>> 3);
    const high = rotate(near, 17) ^ rotate(near, 19) ^ (near >>> 10);
    words[at] = words[at - 16] + low + words[at - 7] + high;
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let at = 0; at < 64; at++) {
    const choice = (e & f) ^ (~e & g);
    const majority = (a & b) ^ (a & c) ^ (b & c);
    const fromE = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const fromA = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const next = (h + fromE + choice + roundConstants[at] + words[at]) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + next) | 0;
    d = c;
    c = b;
    b = a;
    a = (next + fromA + majority) | 0;
  }
  for (const [at, value] of [a, b, c, d, e, f, g, h].entries()) state[at] += value;
}

function rotate(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits));
}
