import { describe, expect, it } from 'vitest';
import { codecNames, codecs } from '../shared/codecs/index.ts';
import { roundSum } from '../shared/codecs/rounding.ts';
import type { Codec } from '../shared/contracts.ts';
import { createRandom } from '../shared/random.ts';
import { type RoundSum, TreeSum } from '../shared/tree-sum.ts';

const random = createRandom(1, 'codec');
const sizes = [1e-42, 1e-20, 1e-6, 1e-3, 1, 1e3, 1e5, 1e20];
const values = Float32Array.from({ length: 1000 }, (_, at) => {
  return (random.uniform() - 0.5) * sizes[at % sizes.length];
});
/** As gradients are: each block has its own size. */
const gradient = Float32Array.from({ length: 1000 }, (_, at) => {
  return (random.uniform() - 0.5) * 10 ** -Math.floor(at / 100);
});

describe.each(codecNames)('codec %s', (name) => {
  const codec: Codec = codecs[name];
  const { blockLength = 1, largest = Number.POSITIVE_INFINITY } = codec;
  const roundTrip = (vector: Float32Array, seed = 7) =>
    codec.decode(codec.encode(vector, seed), vector.length);

  it.each([
    ['values of all sizes', values],
    ['a gradient', gradient],
    ['zeros', new Float32Array(300)],
    ['a vector shorter than a block', gradient.subarray(0, 5)],
  ])('loses no more of %s than it says', (_, vector) => {
    const decoded = roundTrip(vector);
    expect(decoded.length).toBe(vector.length);
    for (const [at, value] of vector.entries()) {
      const first = at - (at % blockLength);
      const block = vector.subarray(first, first + blockLength);
      const scale = block.reduce((most, each) => Math.max(most, Math.abs(each)), 0);
      const kept = Math.max(-largest, Math.min(largest, value));
      const allowed = codec.relativeError * scale + codec.absoluteError;
      expect(Math.abs(decoded[at] - kept)).toBeLessThanOrEqual(allowed);
    }
  });

  it('takes the bytes that it says, also for a part of a vector and for none', () => {
    for (const [start, end] of [
      [0, 1000],
      [3, 10],
      [5, 5],
    ]) {
      const part = gradient.subarray(start, end);
      const bytes = codec.encode(part, 7);
      expect(bytes.length).toBe(codec.byteLength(part.length));
      expect(codec.decode(bytes, part.length).length).toBe(part.length);
    }
  });

  it('gives the same for the same seed, and leaves the values as they were', () => {
    const before = gradient.slice();
    expect(codec.encode(gradient, 7)).toEqual(codec.encode(gradient, 7));
    roundTrip(gradient);
    expect(gradient).toEqual(before);
  });

  it('lets no NaN and no infinity come out as a number', () => {
    for (const broken of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const decoded = roundTrip(gradient.with(500, broken));
      expect(Number.isFinite(decoded[500])).toBe(false);
    }
  });

  it('refuses bytes of another length', () => {
    const bytes = codec.encode(gradient, 7);
    expect(() => codec.decode(bytes, gradient.length + 1)).toThrow(RangeError);
    expect(() => codec.decode(bytes, gradient.length - 1)).toThrow(RangeError);
    expect(() => codec.decode(bytes.subarray(0, -1), gradient.length)).toThrow(RangeError);
    expect(() => codec.decode(new Uint8Array(), 1)).toThrow(RangeError);
  });

  it('rounds a sum to the same bits, whoever adds which part of it', () => {
    const shards = Array.from({ length: 4 }, (_, shard) => gradient.map((value) => value + shard));
    const subtree = { epoch: 1, step: 2 };
    const gradientCodec = { codec: name, seed: 3 };
    const round: RoundSum = (sum, start, length) =>
      roundSum(gradientCodec, { ...subtree, start, length }, sum);
    const scored = (vector: Float32Array) => ({ gradient: vector, lossSum: 1, correct: 1 });
    /** What somebody else sends for shards start ... start + 1. */
    const pair = (start: number) => {
      const tree = new TreeSum(2, (sum, from, length) => round(sum, start + from, length));
      tree.add(0, 1, scored(round(shards[start].slice(), start, 1)));
      tree.add(1, 1, scored(round(shards[start + 1].slice(), start + 1, 1)));
      return tree.total!;
    };
    const leaf = (shard: number) => scored(round(shards[shard].slice(), shard, 1));

    const alone = new TreeSum(4, round);
    for (const shard of [2, 0, 3, 1]) alone.add(shard, 1, leaf(shard));
    const together = new TreeSum(4, round);
    together.add(2, 2, pair(2));
    together.add(1, 1, leaf(1));
    together.add(0, 1, leaf(0));
    expect(together.total!.gradient).toEqual(alone.total!.gradient);
  });
});

describe('codec float32', () => {
  it('keeps every bit, in place', () => {
    const special = [Number.NaN, -0, Number.NEGATIVE_INFINITY, 1e-45];
    const vector = Float32Array.from(special);
    const bytes = codecs.float32.encode(vector, 0);
    expect(bytes.buffer).toBe(vector.buffer);
    expect(codecs.float32.decode(bytes, 4)).toEqual(vector);
    expect(codecs.float32.decode(bytes, 4).buffer).toBe(vector.buffer);
  });

  it('writes little-endian', () => {
    expect([...codecs.float32.encode(Float32Array.of(1, -2), 0)]).toEqual([
      0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0,
    ]);
  });
});

describe('codec bfloat16', () => {
  it('keeps the upper half, rounded to the nearest and to even', () => {
    const cases: [number, number][] = [
      [1, 1],
      [-0, -0],
      [1 + 2 ** -8, 1],
      [1 + 3 * 2 ** -8, 1 + 2 ** -6],
      [1 + 2 ** -8 + 2 ** -20, 1 + 2 ** -7],
      [-(2 - 2 ** -9), -2],
    ];
    for (const [value, expected] of cases) expect(roundedBy('bfloat16', value)).toBe(expected);
  });
});

describe('codec float16', () => {
  it('rounds to the nearest and to even, also what is small, and cuts off what is large', () => {
    const cases: [number, number][] = [
      [1, 1],
      [-0, -0],
      [1 + 2 ** -11, 1],
      [1 + 3 * 2 ** -11, 1 + 2 ** -9],
      [2 ** -14, 2 ** -14],
      [2 ** -24, 2 ** -24],
      [-(2 ** -25), -0],
      [3 * 2 ** -25, 2 ** -23],
      [1023.75 * 2 ** -24, 2 ** -14],
      [65_519, 65_504],
      [-65_520, -65_504],
    ];
    for (const [value, expected] of cases) expect(roundedBy('float16', value)).toBe(expected);
  });

  it('has every of its numbers come back as it was', () => {
    const words = Uint16Array.from({ length: 2 ** 16 }, (_, word) => word).filter((word) => {
      return (word & 0x7c00) !== 0x7c00;
    });
    const decoded = codecs.float16.decode(new Uint8Array(words.buffer), words.length);
    const encoded = codecs.float16.encode(decoded, 0);
    expect(Buffer.from(encoded).equals(Buffer.from(words.buffer))).toBe(true);
  });
});

describe('codec int8', () => {
  it('is right on average, over many seeds', () => {
    const vector = Float32Array.of(127, 0.25, -3.7, 100.5);
    const sums = new Float64Array(4);
    const times = 4000;
    for (let seed = 0; seed < times; seed++) {
      codecs.int8.decode(codecs.int8.encode(vector, seed), 4).forEach((value, at) => {
        sums[at] += value;
      });
    }
    // Five standard deviations of a coin that is thrown so often.
    for (const [at, value] of vector.entries()) {
      expect(Math.abs(sums[at] / times - value)).toBeLessThan(5 * Math.sqrt(0.25 / times));
    }
  });

  it('rounds otherwise for another seed', () => {
    expect(codecs.int8.encode(gradient, 1)).not.toEqual(codecs.int8.encode(gradient, 2));
  });
});

function roundedBy(name: 'bfloat16' | 'float16', value: number): number {
  const codec = codecs[name];
  const [decoded] = codec.decode(codec.encode(Float32Array.of(value), 0), 1);
  return decoded;
}
