import { describe, expect, it } from 'vitest';
import { codecNames } from '../shared/codecs/index.ts';
import { chooseLargest } from '../shared/codecs/largest.ts';
import { addRounded, roundSum } from '../shared/codecs/rounding.ts';
import { createTopK } from '../shared/codecs/topk.ts';
import { createRandom } from '../shared/random.ts';
import { type AddSum, TreeSum } from '../shared/tree-sum.ts';
import { codecs, encode, gradient, roundTrip } from './codec-support.ts';

const random = createRandom(1, 'codec');
const sizes = [1e-42, 1e-20, 1e-6, 1e-3, 1, 1e3, 1e5, 1e20];
const values = Float32Array.from({ length: 1000 }, (_, at) => {
  return (random.uniform() - 0.5) * sizes[at % sizes.length];
});

describe.each(codecNames)('codec %s', (name) => {
  const codec = codecs[name];
  const { blockLength = 1, largest = Number.POSITIVE_INFINITY } = codec;
  const hasFeedback = codec.createFeedback !== undefined;

  it.each([
    ['values of all sizes', values],
    ['a gradient', gradient],
    ['zeros', new Float32Array(300)],
    ['a vector shorter than a block', gradient.subarray(0, 5)],
  ])('loses no more of %s than it says', (_, vector) => {
    const decoded = roundTrip(codec, vector);
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
      const bytes = encode(codec, part);
      expect(codec.decode(bytes, new Float32Array(part.length)).length).toBe(part.length);
      expect(() => codec.encode(part, new Uint8Array(bytes.length + 4), 7)).toThrow(RangeError);
    }
  });

  it('gives the same for the same seed, and leaves the values as they were', () => {
    const before = gradient.slice();
    expect(encode(codec, gradient)).toEqual(encode(codec, gradient));
    roundTrip(codec, gradient);
    expect(gradient).toEqual(before);
  });

  it('lets no NaN and no infinity come out as a number', () => {
    for (const broken of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const decoded = roundTrip(codec, gradient.with(500, broken));
      expect(Number.isFinite(decoded[500])).toBe(false);
    }
  });

  it('refuses bytes of another length', () => {
    const bytes = encode(codec, gradient);
    const decode = (some: Uint8Array, length: number) =>
      codec.decode(some, new Float32Array(length));
    // A tenth of one value more, or less, may be the same.
    const least = hasFeedback ? 10 : 1;
    expect(() => decode(bytes, gradient.length + least)).toThrow(RangeError);
    expect(() => decode(bytes, gradient.length - least)).toThrow(RangeError);
    expect(() => decode(bytes.subarray(0, -1), gradient.length)).toThrow(RangeError);
    expect(() => decode(new Uint8Array(), 1)).toThrow(RangeError);
  });

  it.skipIf(hasFeedback)('rounds in place to what the other end would decode', () => {
    for (const vector of [values, gradient, gradient.with(500, Number.NaN)]) {
      const rounded = vector.slice();
      codec.round(rounded, 7);
      expect(rounded).toEqual(roundTrip(codec, vector));
    }
  });

  it.skipIf(hasFeedback)('rounds a sum to the same bits, whoever adds which part of it', () => {
    const shards = Array.from({ length: 4 }, (_, shard) => gradient.map((value) => value + shard));
    const subtree = { epoch: 1, step: 2 };
    const gradientCodec = { codec, seed: 3 };
    const add: AddSum = (into, from, start, length) =>
      addRounded(gradientCodec, { ...subtree, start, length }, into, from);
    const rounded = (shard: number) => {
      const copy = shards[shard].slice();
      roundSum(gradientCodec, { ...subtree, start: shard, length: 1 }, copy);
      return copy;
    };
    const scored = (vector: Float32Array) => ({ gradient: vector, lossSum: 1, correct: 1 });
    /** What somebody else sends for shards start ... start + 1. */
    const pair = (start: number) => {
      const tree = new TreeSum(2, (into, from, first, length) =>
        add(into, from, start + first, length),
      );
      tree.add(0, 1, scored(rounded(start)));
      tree.add(1, 1, scored(rounded(start + 1)));
      return tree.total!;
    };
    const leaf = (shard: number) => scored(rounded(shard));

    const alone = new TreeSum(4, add);
    for (const shard of [2, 0, 3, 1]) alone.add(shard, 1, leaf(shard));
    const together = new TreeSum(4, add);
    together.add(2, 2, pair(2));
    together.add(1, 1, leaf(1));
    together.add(0, 1, leaf(0));
    expect(together.total!.gradient).toEqual(alone.total!.gradient);
  });
});

describe('codec float32', () => {
  it('keeps every bit, and decodes in place', () => {
    const special = [Number.NaN, -0, Number.NEGATIVE_INFINITY, 1e-45];
    const vector = Float32Array.from(special);
    const bytes = encode(codecs.float32, vector);
    const decoded = codecs.float32.decode(bytes, new Float32Array(4));
    expect(decoded).toEqual(vector);
    expect(decoded.buffer).toBe(bytes.buffer);
  });

  it('writes little-endian', () => {
    expect([...encode(codecs.float32, Float32Array.of(1, -2))]).toEqual([
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
    const decoded = codecs.float16.decode(
      new Uint8Array(words.buffer),
      new Float32Array(words.length),
    );
    const encoded = encode(codecs.float16, decoded);
    expect(Buffer.from(encoded).equals(Buffer.from(words.buffer))).toBe(true);
  });
});

describe('codec int8', () => {
  it('is right on average, over many seeds', () => {
    const vector = Float32Array.of(127, 0.25, -3.7, 100.5);
    const sums = new Float64Array(4);
    const times = 4000;
    for (let seed = 0; seed < times; seed++) {
      roundTrip(codecs.int8, vector, seed).forEach((value, at) => {
        sums[at] += value;
      });
    }
    // Five standard deviations of a coin that is thrown so often.
    for (const [at, value] of vector.entries()) {
      expect(Math.abs(sums[at] / times - value)).toBeLessThan(5 * Math.sqrt(0.25 / times));
    }
  });

  it('rounds otherwise for another seed', () => {
    expect(encode(codecs.int8, gradient, 1)).not.toEqual(encode(codecs.int8, gradient, 2));
  });
});

describe('codec topk', () => {
  const topK = (fraction: number) => createTopK(fraction);

  it('sends the largest values, of equal ones the first, and zeros for the others', () => {
    const vector = Float32Array.of(1, -5, 0, 2, -2, 127, 2, 3);
    expect([...roundTrip(topK(0.5), vector)]).toEqual([0, -5, 0, 2, 0, 127, 0, 3]);
    expect([...roundTrip(topK(1e-9), vector)]).toEqual([0, 0, 0, 0, 0, 127, 0, 0]);
    expect([...roundTrip(topK(1), vector)]).toEqual([...vector]);
  });

  it.each([1e-4, 0.01, 0.1, 0.2, 0.5, 1])('chooses as sorting does, a part of %d', (fraction) => {
    for (const vector of [gradient, values, new Float32Array(1000), gradient.map(Math.round)]) {
      const count = Math.ceil(fraction * vector.length);
      const sorted = [...vector.keys()].sort(
        (a, b) => Math.abs(vector[b]) - Math.abs(vector[a]) || a - b,
      );
      const chosen = new Uint32Array(count);
      chooseLargest(vector, chosen);
      expect([...chosen]).toEqual(sorted.slice(0, count).sort((a, b) => a - b));
    }
  });

  it('takes about two and a half bytes for each of few values, and a bit for each place of many', () => {
    const length = 415_310;
    expect(topK(0.01).byteLength(length) / (0.01 * length)).toBeCloseTo(2.42, 2);
    expect(topK(0.5).byteLength(length) / length).toBeCloseTo(0.125 + 0.5 * (1 + 4 / 128), 3);
  });

  it.each([0.1, 0.5])('refuses places that no sender writes, a part of %d', (fraction) => {
    const codec = topK(fraction);
    const draws = createRandom(1, 'places');
    const good = encode(codec, gradient);
    let refused = 0;
    for (let trial = 0; trial < 500; trial++) {
      const bytes = good.slice();
      bytes[bytes.length - 1 - draws.below(120)] ^= 1 << draws.below(8);
      try {
        const decoded = codec.decode(bytes, new Float32Array(1000));
        expect(decoded.filter((value) => value !== 0).length).toBeLessThanOrEqual(1000 * fraction);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(50);
  });

  it('leaves sums as they are', () => {
    const sum = gradient.slice();
    topK(0.1).round(sum, 7);
    expect(sum).toEqual(gradient);
  });
});

function roundedBy(name: 'bfloat16' | 'float16', value: number): number {
  return roundTrip(codecs[name], Float32Array.of(value))[0];
}
