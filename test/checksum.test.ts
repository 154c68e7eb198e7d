import { describe, expect, it } from 'vitest';
import { checksum } from '../shared/checksum.ts';
import { createRandom } from '../shared/random.ts';
import { landed, randomBytes } from './frames.ts';

describe('the checksum', () => {
  it.each([
    // What `xxhsum -H0` says.
    ['', 0x02cc5d05],
    ['a', 0x550d7456],
    ['abc', 0x32d153ff],
    ['Nobody inspects the spammish repetition', 0xe2293b2f],
  ])('of %j is that of xxHash32', (text, expected) => {
    expect(checksum(Buffer.from(text))).toBe(expected);
  });

  it('takes a seed, as xxHash32 does', () => {
    // From the sanity checks of the reference implementation.
    expect(checksum(new Uint8Array(), 0x9e3779b1)).toBe(0x36b78ae7);
  });

  it('of many bytes is xxHash32 of its lanes and of what is left', () => {
    // By an implementation in another language, from the definition.
    const bytes = Uint8Array.from({ length: 1000 }, (_, at) => (7 * at) % 256);
    expect(checksum(bytes)).toBe(0xf2d213b9);
  });

  it('does not depend on where the bytes lie, or in what', () => {
    const random = createRandom(1, 'places');
    for (let length = 0; length < 200; length++) {
      const bytes = randomBytes(random, length);
      const expected = checksum(bytes);
      for (let offset = 1; offset < 9; offset++) {
        expect(checksum(landed(bytes, offset, 'Buffer'))).toBe(expected);
        expect(checksum(landed(bytes, offset, 'Uint8Array'))).toBe(expected);
      }
    }
  });

  it('changes with every single bit, and with every missing byte', () => {
    const bytes = randomBytes(createRandom(2, 'bits'), 177);
    const seen = new Set([checksum(bytes)]);
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      seen.add(checksum(bytes.with(bit >> 3, bytes[bit >> 3] ^ (1 << (bit & 7)))));
    }
    for (let length = 0; length < bytes.length; length++) {
      seen.add(checksum(bytes.subarray(0, length)));
    }
    expect(seen.size).toBe(1 + 8 * 177 + 177);
  });
});
