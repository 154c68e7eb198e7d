import { describe, expect, it } from 'vitest';
import { fillDropoutMask, noiseOf } from '../shared/model/dropout.ts';
import { createMlp } from '../shared/model/mlp.ts';
import { dropoutsOf } from '../shared/model/model.ts';
import { randomSlice, randomWeights } from '../worker/engines/prove.ts';
import { reference } from '../worker/engines/reference.ts';

const small = { inputs: 6, hidden: [5, 4], classes: 3, activation: 'relu' } as const;
const layer = { kind: 'dropout', width: 100, rate: 0.2, place: 2 } as const;

describe('dropout', () => {
  it('stands behind each activation, and moves the names as in nn.Sequential', () => {
    const model = createMlp({ ...small, batchNorm: true, dropout: 0.2 });
    const kinds = model.layers.map(({ kind }) => kind).join(' ');
    const block = 'linear batch-norm relu dropout';
    expect(kinds).toBe(`${block} ${block} linear`);
    expect(dropoutsOf(model).map(({ place, width }) => [place, width])).toEqual([
      [3, 5],
      [7, 4],
    ]);
    const weights = model.parameters.map(({ name }) => name).filter((name) => /weight/.test(name));
    expect(weights).toEqual(['0.weight', '1.weight', '4.weight', '5.weight', '8.weight']);
    expect(createMlp({ ...small, dropout: 0 })).toEqual(createMlp(small));
  });

  it('leaves out that part of the values, and scales the rest up to the same mean', () => {
    const mask = new Float32Array(100_000);
    fillDropoutMask(mask, layer, 1);
    expect(new Set(mask)).toEqual(new Set([0, 1.25]));
    const mean = mask.reduce((sum, value) => sum + value, 0) / mask.length;
    // Five standard deviations.
    expect(Math.abs(mean - 1)).toBeLessThan(5 * Math.sqrt(0.25 / mask.length));
  });

  it('leaves out others in every seed, epoch, step, shard and layer', () => {
    const masks = [
      [1, 2, 3, 4],
      [0, 2, 3, 4],
      [1, 0, 3, 4],
      [1, 2, 0, 4],
      [1, 2, 3, 0],
    ].map(([seed, epoch, step, shard]) => maskOf(noiseOf(seed, epoch, step, shard), 2));
    masks.push(maskOf(noiseOf(1, 2, 3, 4), 5));
    expect(new Set(masks).size).toBe(6);
    expect(maskOf(noiseOf(1, 2, 3, 4), 2)).toBe(masks[0]);
  });

  it('is no part of a prediction', async () => {
    const plain = createMlp(small);
    const weights = randomWeights(plain, 1);
    const { images } = randomSlice(plain, 9, 2);
    const [expected, found] = await Promise.all(
      [plain, createMlp({ ...small, dropout: 0.9 })].map(async (model) => {
        const engine = await reference.create(model);
        engine.load(weights);
        return engine.predict(images);
      }),
    );
    expect(found).toEqual(expected);
  });
});

function maskOf(noise: number, place: number): string {
  const mask = new Float32Array(200);
  fillDropoutMask(mask, { ...layer, place }, noise);
  return mask.join('');
}
