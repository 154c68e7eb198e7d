// A first layer over the inputs that vary: which those are, and the same bits with and without a kernel.
import { describe, expect, it } from 'vitest';
import type { Slice } from '../shared/contracts.ts';
import { createMlp } from '../shared/model/mlp.ts';
import { createRandom } from '../shared/random.ts';
import { kernelOf, VectorMemory } from '../shared/vectors/memory.ts';
import { firstLayerOf, NarrowLayer } from '../worker/engines/onnx/narrow-layer.ts';
import { varyingSpans, widthOf } from '../worker/engines/onnx/varying-inputs.ts';
import { framedSlice, randomWeights } from '../worker/engines/prove.ts';

describe('varying inputs', () => {
  const marksAt = (inputs: number, ...varying: number[]): Uint8Array => {
    const marks = new Uint8Array(inputs);
    for (const input of varying) marks[input] = 1;
    return marks;
  };

  it.for<[string, Uint8Array, [start: number, end: number][]]>([
    ['none', marksAt(40), [[0, 16]]],
    ['the last', marksAt(40, 39), [[24, 40]]],
    [
      'two, far apart',
      marksAt(40, 3, 30),
      [
        [3, 15],
        [30, 34],
      ],
    ],
    ['all in a row', marksAt(40, ...Array.from({ length: 16 }, (_, at) => 8 + at)), [[8, 24]]],
    ['two with a gap of three', marksAt(40, 0, 4), [[0, 16]]],
    [
      'the first and the last',
      marksAt(17, 0, 16),
      [
        [0, 12],
        [13, 17],
      ],
    ],
    ['seventeen of twenty', marksAt(20, ...Array.from({ length: 17 }, (_, at) => at)), [[0, 20]]],
  ])('are found where there are %s', ([, marks, expected]) => {
    const spans = expected.map(([start, end]) => ({ start, end }));
    expect(varyingSpans(marks, 1000, 0)).toEqual(spans);
  });

  it('are all covered, in order, in spans of four or more, whatever varies', () => {
    for (let seed = 0; seed < 2000; seed++) {
      const random = createRandom(seed, 'marks');
      const inputs = 16 + random.below(100);
      const density = random.below(8) + 1;
      const marks = Uint8Array.from({ length: inputs }, () => +(random.below(density) === 0));
      const spans = varyingSpans(marks, 1000, 0)!;
      const covered = new Uint8Array(inputs);
      let before = 0;
      for (const { start, end } of spans) {
        expect(start).toBeGreaterThanOrEqual(before);
        expect(end - start).toBeGreaterThanOrEqual(4);
        covered.fill(1, start, end);
        before = end;
      }
      expect(before).toBeLessThanOrEqual(inputs);
      expect(marks.every((mark, at) => mark <= covered[at])).toBe(true);
      expect(widthOf(spans) % 16 === 0 || widthOf(spans) === inputs).toBe(true);
    }
  });

  it('are not told apart where too little would be left out', () => {
    const half = marksAt(64, ...Array.from({ length: 32 }, (_, at) => at));
    expect(varyingSpans(half, 95)).toBeUndefined();
    expect(varyingSpans(half, 96)).toEqual([{ start: 0, end: 32 }]);
  });
});

describe('a narrow layer', () => {
  const plainMemory = {
    bytes: (length: number) => new Uint8Array(length),
    floats: (length: number) => new Float32Array(length),
  };

  const spreadOf = (
    memory: Pick<VectorMemory, 'bytes' | 'floats'>,
    inputs: number,
    images: number,
  ) => {
    const model = createMlp({ inputs, hidden: [9], classes: 3, activation: 'relu' });
    const [weights, gradient] = [1, 2].map((seed) => {
      const vector = memory.floats(model.parameterCount);
      vector.set(randomWeights(model, seed));
      return vector;
    });
    const layer = new NarrowLayer(firstLayerOf(model), memory);
    const slice = framedSlice(model, images, inputs);
    const narrowed = layer.narrow(slice, weights, 0)!;
    narrowed.gradient.set(randomWeights(model, 3).subarray(0, narrowed.gradient.length));
    layer.spread(narrowed, gradient);
    return { model, slice, weights, narrowed, gradient };
  };

  it.for([
    [16, 200],
    [17, 200],
    [50, 100],
    [99, 300],
    [784, 256],
    // Of more images than there is room for in the memory.
    [20, 1500],
  ])(
    'of %i inputs and %i images has the same bits in the memory of a kernel as anywhere else',
    ([inputs, images]) => {
      const memory = new VectorMemory(1e8);
      const fast = spreadOf(memory, inputs, images);
      expect(kernelOf(fast.weights, fast.gradient, fast.narrowed.weight)).toBeDefined();
      const plain = spreadOf(plainMemory, inputs, images);
      expect(kernelOf(plain.narrowed.weight)).toBeUndefined();
      expect(fast.narrowed).toEqual(plain.narrowed);
      expect(fast.gradient).toEqual(plain.gradient);
    },
  );

  it('leaves out what is the same on all images, and gives it the slope of the bias', () => {
    const { model, slice, weights, narrowed, gradient } = spreadOf(new VectorMemory(1e8), 50, 100);
    const { weight, bias } = firstLayerOf(model);
    const isVarying = varyingOf(slice, 50);
    expect(narrowed.width).toBeLessThan(50);
    expect(narrowed.width).toBeGreaterThanOrEqual(isVarying.filter(Boolean).length);
    for (let unit = 0; unit < 9; unit++) {
      const slope = gradient[bias.offset + unit];
      for (let input = 0; input < 50; input++) {
        if (isVarying[input]) continue;
        const value = (slice.images[input] / 255 - 0.5) / 0.5;
        const own = gradient[weight.offset + unit * 50 + input];
        const copied = narrowed.gradient.includes(own);
        if (!copied) expect(own).toBeCloseTo(value * slope, 6);
      }
      // Forward, for the first image: what is left out is in the bias.
      let [all, left] = [weights[bias.offset + unit], narrowed.bias[unit]];
      for (let input = 0; input < 50; input++) {
        const value = (slice.images[input] / 255 - 0.5) / 0.5;
        all += value * weights[weight.offset + unit * 50 + input];
      }
      for (let at = 0; at < narrowed.width; at++) {
        left += narrowed.images[at] * narrowed.weight[unit * narrowed.width + at];
      }
      expect(left).toBeCloseTo(all, 5);
    }
  });
});

function varyingOf({ images, labels }: Slice, inputs: number): boolean[] {
  return Array.from({ length: inputs }, (_, input) =>
    labels.some((_, image) => images[image * inputs + input] !== images[input]),
  );
}
