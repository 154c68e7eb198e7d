// The oracle of all other engines.
import { describe, expect, it } from 'vitest';
import type { Engine } from '../shared/contracts.ts';
import { createMlp } from '../shared/model/mlp.ts';
import { activationNames, type Model } from '../shared/model/model.ts';
import { randomSlice, randomWeights } from '../worker/engines/prove.ts';
import { reference } from '../worker/engines/reference.ts';

describe('the reference', () => {
  const tiny = { inputs: 4, hidden: [5], classes: 3 };

  it.each([
    ...activationNames.flatMap((activation) => [
      { activation, batchNorm: false },
      { activation, batchNorm: true },
    ]),
    { activation: 'tanh', dropout: 0.4 },
    { activation: 'tanh', batchNorm: true, dropout: 0.4 },
    { activation: 'tanh', labelSmoothing: 0.3 },
  ] as const)('is the slope of its own loss: %o', async (network) => {
    const model = createMlp({ ...tiny, ...network });
    const weights = randomWeights(model, 1);
    const engine = await newReference(model, weights);
    const slice = randomSlice(model, 6, 2);
    const gradient = (await engine.gradient(slice)).gradient.slice();
    const lossWith = async (at: number, weight: number) => {
      const moved = weights.with(at, weight);
      engine.load(moved);
      return { weight: moved[at], loss: (await engine.gradient(slice)).lossSum };
    };
    for (let at = 0; at < model.trainableCount; at++) {
      const above = await lossWith(at, weights[at] + 1e-5);
      const below = await lossWith(at, weights[at] - 1e-5);
      const slope = (above.loss - below.loss) / (above.weight - below.weight);
      expect(Math.abs(gradient[at] - slope)).toBeLessThan(1e-5);
    }
    expect(Math.max(...gradient.map(Math.abs))).toBeGreaterThan(0.1);
  });

  it('computes what a person computes by hand', async () => {
    const model = createMlp({ inputs: 2, hidden: [], classes: 2, activation: 'none' });
    const engine = await newReference(model, Float32Array.of(1, 2, 3, 4, 0.5, -0.5));
    // Pixels 255 and 0 scale to 1 and -1: logits 1 - 2 + 0.5 and 3 - 4 - 0.5.
    const images = Uint8Array.of(255, 0);
    expect(await engine.predict(images)).toEqual(Float32Array.of(-0.5, -1.5));
    const result = await engine.gradient({ images, labels: Uint8Array.of(1) });
    const p = 1 / (1 + Math.exp(-1));
    expect(result.lossSum).toBeCloseTo(-Math.log(1 - p), 12);
    expect(result.correct).toBe(0);
    expect(result.gradient).toEqual(Float32Array.of(p, -p, -p, p, p, -p));
  });
});

async function newReference(model: Model, weights: Float32Array): Promise<Engine> {
  const engine = await reference.create(model);
  engine.load(weights);
  return engine;
}
