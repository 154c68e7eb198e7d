// Codecs in WebAssembly: the bits of their plain loops, wherever the values lie.
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { codecNames } from '../shared/codecs/index.ts';
import { bitsOf } from '../shared/codecs/memory.ts';
import { addInto, sumOfSquares } from '../shared/vectors/loops.ts';
import { kernelOf, VectorMemory } from '../shared/vectors/memory.ts';
import {
  awkward,
  choiceOf,
  codecs,
  encode,
  extremes,
  gradient,
  roundTrip,
  withoutWebAssembly,
} from './codec-support.ts';

const awkwardLengths = [...Array.from({ length: 40 }, (_, at) => at * 7), 4095, 10_000];

interface Validator {
  validate(module: Uint8Array): boolean;
}

describe.each(codecNames)('codec %s', (name) => {
  const codec = codecs[name];
  const hasFeedback = codec.createFeedback !== undefined;

  it('has the same bits in the memory of a kernel, next to it, and without WebAssembly', async () => {
    const plain = await withoutWebAssembly(name);
    for (const length of awkwardLengths) {
      const vector = awkward(length);
      const other = vector.slice();
      const bytes = encode(plain, vector);
      const decoded = roundTrip(plain, vector);
      const memory = new VectorMemory(1e6);
      const inMemory = memory.floats(length + 3).subarray(3);
      inMemory.set(vector);
      expect(kernelOf(inMemory)).toBeDefined();
      const places = [
        { from: other, to: new Uint8Array(bytes.length), back: new Float32Array(length) },
        { from: inMemory, to: memory.bytes(bytes.length), back: memory.floats(length) },
      ];
      for (const { from, to, back } of places) {
        codec.encode(from, to, 7);
        expect(to).toEqual(bytes);
        expect(bitsOf(codec.decode(to, back))).toEqual(bitsOf(decoded));
        codec.round(from, 7);
        expect(bitsOf(from)).toEqual(bitsOf(hasFeedback ? vector : decoded));
      }
    }
  });

  if (codec.join !== undefined)
    it('decodes, adds up squares and adds to another in one pass to the bits of three', async () => {
      const plain = await withoutWebAssembly(name);
      for (const length of awkwardLengths) {
        const tame = Float32Array.from({ length }, (_, at) => gradient[at % gradient.length]);
        for (const vector of [awkward(length), tame]) {
          const bytes = encode(plain, vector);
          const decoded = plain.decode(bytes, new Float32Array(length)).slice();
          const other = Float32Array.from(tame, (value) => 3 * value);
          const sum = decoded.slice();
          addInto(sum, other);
          plain.round(sum, 7);
          const memory = new VectorMemory(1e6);
          const inMemory = {
            from: memory.bytes(bytes.length),
            into: memory.floats(length),
            beside: memory.floats(length),
          };
          inMemory.from.set(bytes);
          inMemory.beside.set(other);
          const outside = { from: bytes, into: new Float32Array(length), beside: other };
          for (const places of [inMemory, outside, { ...inMemory, from: bytes }]) {
            const { from, into, beside } = places;
            into.fill(1);
            expect(codec.join!(from, into)).toBe(sumOfSquares(decoded));
            expect(bitsOf(into)).toEqual(bitsOf(decoded));
            expect(codec.join!(from, into, beside)).toBe(sumOfSquares(decoded));
            expect(bitsOf(into)).toEqual(bitsOf(sum));
            expect(bitsOf(beside)).toEqual(bitsOf(other));
          }
          const longer = new Float32Array(length + 1);
          expect(() => codec.join!(bytes, longer)).toThrow(RangeError);
        }
      }
    });

  if (codec.addRounded !== undefined)
    it('adds and rounds in one pass to the bits of two', async () => {
      const plain = await withoutWebAssembly(name);
      for (const length of awkwardLengths) {
        const [one, other] = [awkward(length), awkward(length + 1).subarray(1)];
        const sum = one.slice();
        addInto(sum, other);
        plain.round(sum, 7);
        const memory = new VectorMemory(1e6);
        const inMemory = [one, other].map((values) => {
          const copy = memory.floats(length + 3).subarray(3);
          copy.set(values);
          return copy;
        });
        for (const [into, from] of [inMemory, [one.slice(), other], [one.slice(), inMemory[1]]]) {
          codec.addRounded!(into, from, 7);
          expect(bitsOf(into)).toEqual(bitsOf(sum));
          expect(bitsOf(from)).toEqual(bitsOf(other));
        }
      }
    });

  it('takes care of the extremes wherever they are among usual values', async () => {
    const plain = await withoutWebAssembly(name);
    const memory = new VectorMemory(1e6);
    const inMemory = memory.floats(64);
    const bytes = memory.bytes(codec.byteLength(64));
    const words = [...bitsOf(Float32Array.from(extremes)), 0xffff_ffff, 0x7f80_0001, 0xff80_0001];
    for (const word of words) {
      for (let at = 0; at < 16; at++) {
        bitsOf(inMemory).set(bitsOf(gradient.subarray(0, 64)));
        bitsOf(inMemory)[16 + at] = word;
        const copy = inMemory.slice();
        codec.encode(inMemory, bytes, 7);
        expect(bytes).toEqual(encode(plain, copy));
        codec.round(inMemory, 7);
        plain.round(copy, 7);
        expect(bitsOf(inMemory)).toEqual(bitsOf(copy));
      }
    }
  });

  it('has modules that a tab starts at once', async () => {
    const lengths: number[] = [];
    const { WebAssembly: api } = globalThis as unknown as { readonly WebAssembly: Validator };
    const validate = (module: Uint8Array): boolean => {
      lengths.push(module.length);
      return api.validate(module);
    };
    vi.stubGlobal('WebAssembly', Object.create(api, { validate: { value: validate } }));
    onTestFinished(() => void vi.unstubAllGlobals());
    vi.resetModules();
    const { loadCodecs: loadAgain } = await import('../shared/codecs/index.ts');
    const { VectorMemory: OwnMemory } = await import('../shared/vectors/memory.ts');
    const { gradients: fresh } = await loadAgain(choiceOf(name));
    const memory = new OwnMemory(1e5);
    const [into, bytes] = [memory.floats(256), memory.bytes(fresh.byteLength(256))];
    fresh.encode(into, bytes, 7);
    fresh.join?.(bytes, into);
    fresh.addRounded?.(into, into, 7);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(4096);
  });
});
