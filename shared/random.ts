// The seeded generator behind initial weights, shuffles and generated tests. Same numbers on every machine.

export interface Random {
  /** Uniform in [0, 2^32), an integer. */
  uint32(): number;
  /** Uniform in [0, 1), on a grid of 2^-32. */
  uniform(): number;
  /** Uniform integer in [0, limit), without modulo bias. `limit` is at most 2^32. */
  below(limit: number): number;
}

/**
 * A generator for one purpose. The key names the stream: `createRandom(seed, 'shuffle', epoch)` and
 * `createRandom(seed, 'init')` share nothing but the seed. The generator is sfc32 (Doty-Humphrey,
 * PractRand): 128 bits of state, passes BigCrush.
 */
export function createRandom(...key: readonly (number | string)[]): Random {
  const [k0, k1, k2] = hashKey(key);
  let a = k0;
  let b = k1;
  let c = k2;
  let counter = 1;
  const uint32 = (): number => {
    const result = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + result;
    c |= 0;
    return result >>> 0;
  };
  // The author's own seeding discards the first outputs, until the key has spread over all the state.
  for (let round = 0; round < 15; round++) uint32();
  return {
    uint32,
    uniform: () => uint32() / 2 ** 32,
    below: (limit) => {
      let draw = uint32();
      // Hardly ever: divisions of such numbers are slow.
      if (draw >= 2 ** 32 - limit) {
        const fair = 2 ** 32 - (2 ** 32 % limit);
        while (draw >= fair) draw = uint32();
      }
      return draw % limit;
    },
  };
}

/** Three words from any key: FNV-1a over its characters, then the finalizer of MurmurHash3 three times. */
function hashKey(key: readonly (number | string)[]): [number, number, number] {
  let hash = 0x811c9dc5;
  const text = key.map((part) => `${typeof part}:${part}`).join('\u0000');
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  const first = mix(hash);
  const second = mix(first ^ 0x9e3779b9);
  return [first, second, mix(second ^ text.length)];
}

/** The finalizer of MurmurHash3: every bit of the result follows from every bit of the word. Takes and gives 32 bits. */
export function mix(word: number): number {
  let hash = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** Fisher and Yates: a uniformly random order of 0 ... length - 1. */
export function permutation(length: number, random: Random): Uint32Array {
  const order = new Uint32Array(length);
  for (let index = 0; index < length; index++) order[index] = index;
  for (let last = length - 1; last > 0; last--) {
    const pick = random.below(last + 1);
    const moved = order[last];
    order[last] = order[pick];
    order[pick] = moved;
  }
  return order;
}
