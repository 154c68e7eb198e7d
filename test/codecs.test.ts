import { describe, expect, it } from 'vitest';
import { codecNames, codecs } from '../shared/codecs/index.ts';
import type { Codec } from '../shared/contracts.ts';
import { createRandom } from '../shared/random.ts';

describe.each(codecNames)('codec %s', (name) => {
  const codec: Codec = codecs[name];
  const random = createRandom(1, 'codec');
  const sizes = [1e-20, 1e-3, 1, 1e3, 1e20];
  const values = Float32Array.from({ length: 1000 }, (_, at) => {
    return (random.uniform() - 0.5) * sizes[at % sizes.length];
  });

  it('loses no more than it says', () => {
    const decoded = codec.decode(codec.encode(values), values.length);
    for (const [at, value] of values.entries()) {
      expect(Math.abs(decoded[at] - value)).toBeLessThanOrEqual(
        codec.relativeError * Math.abs(value),
      );
    }
  });

  it('takes the bytes that it says, also for a part of a vector and for none', () => {
    for (const [start, end] of [
      [0, 1000],
      [3, 10],
      [5, 5],
    ]) {
      const part = values.subarray(start, end);
      const bytes = codec.encode(part);
      expect(bytes.length).toBe(codec.bytesPerValue * part.length);
      expect(codec.decode(bytes, part.length)).toEqual(
        codec.decode(codec.encode(values), values.length).subarray(start, end),
      );
    }
  });

  it('leaves the values as they were', () => {
    const before = values.slice();
    codec.decode(codec.encode(values), values.length);
    expect(values).toEqual(before);
  });

  it('refuses bytes of another length', () => {
    const bytes = codec.encode(values);
    expect(() => codec.decode(bytes, values.length + 1)).toThrow(RangeError);
    expect(() => codec.decode(bytes, values.length - 1)).toThrow(RangeError);
    expect(() => codec.decode(bytes.subarray(0, -1), values.length)).toThrow(RangeError);
    expect(() => codec.decode(new Uint8Array(), 1)).toThrow(RangeError);
  });
});

describe('codec float32', () => {
  it('keeps every bit, in place', () => {
    const special = [Number.NaN, -0, Number.NEGATIVE_INFINITY, 1e-45];
    const values = Float32Array.from(special);
    const bytes = codecs.float32.encode(values);
    expect(bytes.buffer).toBe(values.buffer);
    expect(codecs.float32.decode(bytes, 4)).toEqual(values);
    expect(codecs.float32.decode(bytes, 4).buffer).toBe(values.buffer);
  });

  it('writes little-endian', () => {
    expect([...codecs.float32.encode(Float32Array.of(1, -2))]).toEqual([
      0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0,
    ]);
  });
});
