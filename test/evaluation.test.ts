import { describe, expect, it } from 'vitest';
import { argmax, evaluate, softmax } from '../coordinator/evaluation.ts';
import type { Engine, Slice } from '../shared/contracts.ts';
import { createMlp } from '../shared/model/mlp.ts';
import { randomSlice } from '../worker/engines/prove.ts';
import { reference } from '../worker/engines/reference.ts';

/** One pixel; the logits are (x, -x, 0), and a pixel of 255 is x = 1, one of 0 is x = -1. */
const threeClasses = createMlp({ inputs: 1, hidden: [], classes: 3, activation: 'none' });
const byHand = Float32Array.of(1, -1, 0, 0, 0, 0);
const test: Slice = {
  images: Uint8Array.of(255, 255, 0, 0, 0),
  labels: Uint8Array.of(0, 2, 1, 0, 1),
};

describe('an evaluation', () => {
  it.each([1, 2, 3, 5, 100])('is what a person computes, in batches of %i', async (batchSize) => {
    const engine = await engineWith(byHand);
    const total = Math.log(Math.E + 1 / Math.E + 1);
    const losses = [total - 1, total, total - 1, total + 1, total - 1];
    const { loss, accuracy, confusion } = await evaluate({ engine, test, classes: 3, batchSize });
    expect(loss).toBeCloseTo(losses.reduce((sum, one) => sum + one, 0) / 5, 6);
    expect(accuracy).toBe(3 / 5);
    expect(confusion).toEqual([
      [1, 1, 0],
      [0, 2, 0],
      [1, 0, 0],
    ]);
  });

  it('keeps a few images of each cell, each with its answer and how sure that was', async () => {
    const engine = await engineWith(byHand);
    const images = new Uint8Array(100).fill(255);
    const slice = { images, labels: new Uint8Array(100).fill(2).fill(0, 50, 53) };
    const { examples } = await evaluate({ engine, test: slice, classes: 3, batchSize: 7 });
    const ofLabel = (wanted: number) => examples.filter(({ label }) => label === wanted);
    expect(ofLabel(0).map(({ image }) => image)).toEqual([50, 51, 52]);
    expect(ofLabel(2).map(({ image }) => image)).toEqual(Array.from({ length: 24 }, (_, at) => at));
    const confidence = Math.E / (Math.E + 1 / Math.E + 1);
    for (const example of examples) {
      expect(example.answer).toBe(0);
      expect(example.confidence).toBeCloseTo(confidence, 6);
    }
  });

  it('of a network that knows nothing has the loss of chance, and answers with the first', async () => {
    const engine = await engineWith(new Float32Array(6));
    const result = await evaluate({ engine, test, classes: 3, batchSize: 2 });
    expect(result.loss).toBeCloseTo(Math.log(3), 12);
    expect(result.accuracy).toBe(2 / 5);
    expect(result.confusion.map(([first]) => first)).toEqual([2, 2, 1]);
  });

  it('agrees with the loss and the answers of the gradient', async () => {
    const engine = await engineWith(Float32Array.of(2, -1.5, 0.25, 0.5, -0.5, 0.125));
    const slice = randomSlice(threeClasses, 200, 1);
    const { lossSum, correct } = await engine.gradient(slice);
    const result = await evaluate({ engine, test: slice, classes: 3, batchSize: 64 });
    expect(result.loss).toBeCloseTo(lossSum / 200, 6);
    expect(result.accuracy).toBe(correct / 200);
  });

  it('stays finite where an exponential would overflow', async () => {
    const engine = await engineWith(Float32Array.of(1000, -1000, 0, 0, 0, 0));
    const { loss } = await evaluate({ engine, test, classes: 3, batchSize: 5 });
    expect(loss).toBeCloseTo((0 + 1000 + 0 + 2000 + 0) / 5, 6);
  });
});

describe('softmax', () => {
  it('gives the probabilities of the classes', () => {
    const [one, two, three] = softmax(Float32Array.of(Math.log(1), Math.log(2), Math.log(3)));
    expect(one).toBeCloseTo(1 / 6, 7);
    expect(two).toBeCloseTo(2 / 6, 7);
    expect(three).toBeCloseTo(3 / 6, 7);
  });

  it('does not care about a constant, however large', () => {
    for (const constant of [5000, -5000]) {
      const [one, two, three] = softmax(Float32Array.of(constant, constant, constant - 900));
      expect(one).toBeCloseTo(0.5, 10);
      expect(two).toBe(one);
      expect(three).toBe(0);
    }
  });

  it('adds up to 1', () => {
    const probabilities = softmax(Float32Array.of(3, -2, 0.5, 8, -30));
    expect(probabilities.reduce((sum, one) => sum + one, 0)).toBeCloseTo(1, 12);
  });
});

describe('argmax', () => {
  it.each([
    [[3, 1, 2], 0],
    [[1, 2, 3], 2],
    [[-5, -1, -3], 1],
    [[2, 7, 7, 7], 1],
    [[-0, 0], 0],
    [[4], 0],
  ])('of %j is %i: the first of the largest', (row, expected) => {
    expect(argmax(Float32Array.from(row))).toBe(expected);
  });
});

async function engineWith(weights: Float32Array): Promise<Engine> {
  const engine = await reference.create(threeClasses);
  engine.load(weights);
  return engine;
}
