import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { checksum } from '../shared/checksum.ts';
import { createRandom } from '../shared/random.ts';
import { addInto, blend, descend, type Roll, roll, sumOfSquares } from '../shared/vectors/loops.ts';
import { kernelOf, VectorMemory } from '../shared/vectors/memory.ts';
import { randomBytes } from './frames.ts';

const lengths = [...Array.from({ length: 50 }, (_, length) => length), 1000, 4099];
const extremes = [0, -0, 1e-45, 3.4e38, Number.POSITIVE_INFINITY, Number.NaN];

/** Of very different sizes; the first values of every third vector are the extremes. */
function randomVector(length: number, seed: number): Float32Array {
  const random = createRandom(seed, 'vector', length);
  const vector = Float32Array.from({ length }, () => {
    return (random.uniform() - 0.5) * 10 ** (random.below(20) - 10);
  });
  if (seed % 3 === 0) vector.set(extremes.slice(0, length));
  return vector;
}

/** The same values where a kernel finds them: not at the start of a block. */
function inMemory(memory: VectorMemory, values: Float32Array): Float32Array {
  const copy = memory.floats(values.length + 3).subarray(3);
  copy.set(values);
  return copy;
}

const loops: Readonly<Record<string, (one: Float32Array, other: Float32Array) => unknown>> = {
  addInto,
  descend: (one, other) => descend(one, other, { keep: 1 - 1e-5, scale: 0.1 / 64 }),
  blend: (one, other) => blend(one, other, { keep: 1, scale: 0.05 }),
  sumOfSquares: (one) => sumOfSquares(one),
};

describe.each(Object.entries(loops))('%s', (_, loop) => {
  it('has the same bits in the memory of a kernel as anywhere else', () => {
    const memory = new VectorMemory(1e6);
    for (const length of lengths) {
      for (const seed of [1, 2, 3]) {
        const [one, other] = [randomVector(length, seed), randomVector(length, seed + 7)];
        const [fastOne, fastOther] = [inMemory(memory, one), inMemory(memory, other)];
        expect(kernelOf(fastOne, fastOther)).toBeDefined();
        expect(loop(fastOne, fastOther)).toEqual(loop(one, other));
        expect(fastOne).toEqual(one);
        expect(fastOther).toEqual(other);
      }
    }
  });

  it('takes vectors of which only one lies in such a memory', () => {
    const [one, other] = [randomVector(100, 1), randomVector(100, 2)];
    const fastOne = inMemory(new VectorMemory(1e6), one);
    expect(loop(fastOne, other)).toEqual(loop(one, other));
    expect(fastOne).toEqual(one);
  });
});

describe('roll', () => {
  const nesterov = { momentum: 0.9, ofSlope: 1, ofVelocity: 0.9, ofMove: -0.05 };
  it.for<[string, Roll]>([
    ["with Nesterov's momentum", { ...nesterov, ofSum: 1 / 63, decay: 0 }],
    ['with a decay', { ...nesterov, ofSum: 1 / 64, decay: 0.01 }],
    ['along the velocity', { ...nesterov, ofSum: 1 / 7, decay: 0, ofSlope: 0, ofVelocity: 1 }],
  ])('%s has the same bits in the memory of a kernel as anywhere else', ([, factors]) => {
    const memory = new VectorMemory(1e6);
    for (const length of lengths) {
      const plain = [1, 2, 3].map((seed) => randomVector(length, seed));
      const fast = plain.map((values) => inMemory(memory, values));
      expect(kernelOf(fast[0], fast[1], fast[2])).toBeDefined();
      for (const [weights, slopes, velocity] of [plain, fast]) {
        roll(weights, slopes, velocity, factors);
      }
      expect(fast).toEqual(plain);
    }
  });
});

describe('addInto', () => {
  it('rounds every sum to float32', () => {
    const into = Float32Array.of(1, 16_777_216, 3e38);
    addInto(into, Float32Array.of(2 ** -24, 1, 3e38));
    expect(into).toEqual(Float32Array.of(1, 16_777_216, Number.POSITIVE_INFINITY));
  });
});

describe('the sum of squares', () => {
  it('is no finite number when one value is none, wherever it is', () => {
    const memory = new VectorMemory(1e6);
    for (let at = 0; at < 37; at++) {
      for (const value of [Number.NaN, Number.NEGATIVE_INFINITY]) {
        const values = new Float32Array(37).fill(1);
        values[at] = value;
        expect(sumOfSquares(values)).not.toBeLessThan(Number.POSITIVE_INFINITY);
        expect(sumOfSquares(inMemory(memory, values))).toBe(sumOfSquares(values));
      }
    }
  });

  it('of the largest float32 is finite', () => {
    expect(sumOfSquares(new Float32Array(1000).fill(3.4e38))).toBeLessThan(1e82);
  });
});

describe('the checksum', () => {
  it('is the same in the memory of a kernel', () => {
    const memory = new VectorMemory(1e6);
    const random = createRandom(1, 'bytes');
    for (let length = 0; length < 300; length++) {
      const bytes = randomBytes(random, length);
      const place = memory.bytes(length + 5).subarray(5);
      place.set(bytes);
      expect(checksum(place)).toBe(checksum(bytes));
    }
  });
});

describe('a memory for vectors', () => {
  it('hands out zeroed pieces that do not touch each other', () => {
    const memory = new VectorMemory(100_000);
    const pieces = Array.from({ length: 20 }, (_, at) => memory.floats(at + 1));
    pieces.forEach((piece, at) => {
      expect(piece).toEqual(new Float32Array(at + 1));
      piece.fill(at);
    });
    pieces.forEach((piece, at) => {
      expect(piece).toEqual(new Float32Array(at + 1).fill(at));
    });
  });

  it('has other memory for what does not fit', () => {
    const memory = new VectorMemory(1000);
    const [first, second, third] = [40_000, 40_000, 4].map((length) => memory.bytes(length));
    expect(kernelOf(first)).toBeDefined();
    expect(kernelOf(second)).toBeUndefined();
    expect(second).toEqual(new Uint8Array(40_000));
    expect(kernelOf(third)).toBe(kernelOf(first));
  });

  it.each([
    ['no WebAssembly', undefined],
    ['no vector instructions', { validate: () => false }],
  ])('is like any other where there is %s', (_, api) => {
    vi.stubGlobal('WebAssembly', api);
    onTestFinished(() => void vi.unstubAllGlobals());
    const floats = new VectorMemory(1000).floats(3);
    expect(floats).toEqual(new Float32Array(3));
    expect(kernelOf(floats)).toBeUndefined();
  });
});
