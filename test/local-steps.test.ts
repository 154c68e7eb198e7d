// Rounds of local steps: what a replica answers, and what the mean over the replicas makes of it.
import { beforeAll, describe, expect, it } from 'vitest';
import { learningRateFor, modelOf, planOf, type RunConfig } from '../shared/config.ts';
import type { Engine, Slice } from '../shared/contracts.ts';
import { initialWeights } from '../shared/model/model.ts';
import { VectorMemory } from '../shared/vectors/memory.ts';
import { randomSlice } from '../worker/engines/prove.ts';
import { reference } from '../worker/engines/reference.ts';
import { localTrainingOf, takeLocalSteps } from '../worker/local-steps.ts';
import { answerOf, commit, initialOf, pick, trainedBy } from './rounds.ts';
import { run } from './terminal-events.ts';

const sgd = {
  name: 'sgd',
  learningRate: 0.5,
  momentum: 0,
  nesterov: false,
  weightDecay: 0,
} as const;
const mean = { outerLearningRate: 1, outerMomentum: 0 };

const config: RunConfig = {
  ...run.config,
  shape: { trainSamples: 50, testSamples: 1, rows: 2, columns: 3, classes: 3 },
  model: { hidden: [5], activation: 'tanh', batchNorm: false, dropout: 0 },
  batchSize: 4,
  shards: 1,
  epochs: 2,
  optimizer: sgd,
};

function localSync(localSteps: number, outer = mean): Pick<RunConfig, 'sync'> {
  return { sync: { mode: 'local', localSteps, ...outer } };
}

describe('two replicas, by hand', () => {
  // One pixel, -1 or 1, two classes, and weights from 0: in each of these steps both have probability 1/2, so that
  // every number is exact.
  const byHand: RunConfig = {
    ...config,
    ...localSync(2),
    shape: { trainSamples: 4, testSamples: 1, rows: 1, columns: 1, classes: 2 },
    model: { hidden: [], activation: 'none', batchNorm: false, dropout: 0 },
    batchSize: 1,
    shards: 2,
    shuffle: false,
    optimizer: { ...sgd, learningRate: 1 },
  };
  const data = { images: Uint8Array.of(255, 0, 255, 0), labels: Uint8Array.of(1, 0, 0, 0) };
  const zero = new Float32Array(4);

  it('answer with their samples times what two steps took off their weights', async () => {
    const answers = await Promise.all(
      [0, 1].map((shard) => answerOf({ config: byHand, weights: zero, data, shard })),
    );
    // The weights of both classes, then their biases: the first ends at -1 1 0 0, the other at 0 0 1 -1.
    expect(answers.map(({ gradient }) => [...gradient])).toEqual([
      [2, -2, 0, 0],
      [0, 0, -2, 2],
    ]);
    expect(answers.map(({ correct }) => correct)).toEqual([1, 2]);
    for (const { lossSum } of answers) expect(lossSum).toBeCloseTo(2 * Math.log(2), 6);
  });

  it.each([
    ['their mean', mean, [-0.5, 0.5, 0.5, -0.5]],
    // The first step with Nesterov's momentum m moves by 1 + m times the mean.
    ['beyond it', { outerLearningRate: 0.5, outerMomentum: 0.5 }, [-0.375, 0.375, 0.375, -0.375]],
  ])('become %s', async (_, outer, expected) => {
    expect([
      ...(await trainedBy({ ...byHand, ...localSync(2, outer), maxSteps: 1 }, data, zero)),
    ]).toEqual(expected);
  });
});

describe('replicas of unequal shards', () => {
  const uneven: RunConfig = { ...config, ...localSync(2), shards: 4, shuffle: false };
  const model = modelOf(uneven);
  const data = randomSlice(model, uneven.shape.trainSamples, 1);

  it('count by their samples', async () => {
    // The second round has the last 18 of 50 samples.
    const version = 1;
    const shards = [0, 1, 2, 3];
    expect(shards.map((shard) => planOf(uneven).runSize(1, shard, 1))).toEqual([4, 5, 4, 5]);
    const weights = initialOf(uneven);
    const answers = await Promise.all(
      shards.map((shard) => answerOf({ config: uneven, weights, data, shard, version })),
    );
    const moved = weights.slice();
    commit(uneven, moved, version, answers);
    for (const [at, weight] of weights.entries()) {
      // Each is its samples times what they took off.
      const taken = answers.reduce((sum, { gradient }) => sum + gradient[at], 0) / 18;
      expect(moved[at]).toBeCloseTo(weight - taken, 6);
    }
  });

  it('count not at all without any', async () => {
    const few = { ...uneven, shape: { ...uneven.shape, trainSamples: 2 }, maxSteps: 1 };
    const weights = initialOf(few);
    const end = await trainedBy(few, data);
    const [one, other] = await Promise.all(
      [1, 3].map((shard) => answerOf({ config: few, weights, data, shard })),
    );
    for (const [at, weight] of weights.entries()) {
      const ends = [weight - one.gradient[at], weight - other.gradient[at]];
      expect(end[at]).toBeCloseTo((ends[0] + ends[1]) / 2, 6);
    }
  });
});

describe('one replica', () => {
  const data = randomSlice(modelOf(config), config.shape.trainSamples, 1);
  const cases: [string, Partial<RunConfig>][] = [
    ['plain', {}],
    [
      'a schedule and a warm-up',
      { schedule: { ...run.config.schedule, name: 'cosine', warmupSteps: 3 } },
    ],
    ['batch norm', { model: { ...config.model, batchNorm: true } }],
    [
      'weight decay and smooth labels',
      { optimizer: { ...sgd, weightDecay: 0.1 }, loss: { labelSmoothing: 0.1 } },
    ],
    ['clipping', { optimizer: { ...sgd, clipNorm: 0.3 } }],
  ];

  // 13 batches an epoch, the last of 2 samples: in rounds of 5 the last has 3.
  it.each(
    cases.flatMap(([title, changes]) => [1, 5, 100].map((steps) => ({ title, changes, steps }))),
  )('is plain training up to rounding: $title, $steps local steps', async ({ changes, steps }) => {
    const plain = await trainedBy({ ...config, ...changes }, data);
    const local = await trainedBy({ ...config, ...changes, ...localSync(steps) }, data);
    expect(plain).not.toEqual(initialOf({ ...config, ...changes }));
    for (const [at, weight] of plain.entries()) expect(local[at]).toBeCloseTo(weight, 5);
  });

  it('begins its momentum anew with every round', async () => {
    const momentum: RunConfig = { ...config, optimizer: { ...sgd, momentum: 0.9 } };
    const whole = await trainedBy({ ...momentum, epochs: 1 }, data);
    const oneRound = await trainedBy({ ...momentum, ...localSync(13), epochs: 1 }, data);
    for (const [at, weight] of whole.entries()) expect(oneRound[at]).toBeCloseTo(weight, 5);
    const singles = await trainedBy({ ...momentum, ...localSync(1), epochs: 1 }, data);
    const forgetful = await trainedBy({ ...config, epochs: 1 }, data);
    for (const [at, weight] of forgetful.entries()) expect(singles[at]).toBeCloseTo(weight, 5);
  });
});

describe('batch norm over replicas', () => {
  it('ends with the mean of their running statistics, whatever the outer optimizer does', async () => {
    const outer = { outerLearningRate: 0.7, outerMomentum: 0.9 };
    const normed: RunConfig = {
      ...config,
      ...localSync(3, outer),
      model: { ...config.model, batchNorm: true },
      shards: 2,
    };
    const model = modelOf(normed);
    const data = randomSlice(model, config.shape.trainSamples, 1);
    const weights = initialOf(normed);
    const answers = await Promise.all(
      [0, 1].map((shard) => answerOf({ config: normed, weights, data, shard })),
    );
    const moved = weights.slice();
    commit(normed, moved, 0, answers);
    for (let at = model.trainableCount; at < model.parameterCount; at++) {
      const ends = answers.map(({ gradient }) => weights[at] - gradient[at] / 12);
      expect(ends[0]).not.toBe(ends[1]);
      expect(moved[at]).toBeCloseTo((ends[0] + ends[1]) / 2, 6);
    }
  });
});

describe('dropout', () => {
  it('leaves out other values in every local step, and the same ones when it is computed again', async () => {
    const dropping: RunConfig = {
      ...config,
      ...localSync(3),
      model: { ...config.model, dropout: 0.5 },
    };
    const data = randomSlice(modelOf(dropping), config.shape.trainSamples, 1);
    const weights = initialOf(dropping);
    const noises = new Set<number | undefined>();
    const onBatch = ({ noise }: Slice) => noises.add(noise);
    const [first, again] = [0, 0].map((shard) => {
      return answerOf({ config: dropping, weights, data, shard, onBatch });
    });
    expect((await first).gradient).toEqual((await again).gradient);
    expect(noises.size).toBe(3);
  });
});

describe('a round', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await reference.create(modelOf(config));
  });
  const data = randomSlice(modelOf(config), 40, 1);
  const indices = Uint32Array.from(data.labels, (_, index) => index);
  const sliceOf = (wanted: Uint32Array) => pick(data, wanted);
  const training = (of = config) => {
    const rounds: RunConfig = { ...of, ...localSync(10) };
    return localTrainingOf(rounds, planOf(rounds), engine)!;
  };
  const weights = initialWeights(modelOf(config), 1);
  const round = { version: 0, weights, indices, sliceOf, noise: 0 };

  it('ends between two local steps when it is not wanted any more', async () => {
    let asked = 0;
    const isWanted = () => ++asked < 3;
    expect(await takeLocalSteps(training(), { ...round, isWanted })).toBeUndefined();
    expect(asked).toBe(3);
  });

  it('lets others have their turn, also with an engine that waits for nothing', async () => {
    let hasHeard = false;
    setImmediate(() => {
      hasHeard = true;
    });
    const isWanted = () => !hasHeard;
    const slow = { ...training(), engine: changed(engine, { delayMs: 2 }) };
    const result = await takeLocalSteps(slow, { ...round, isWanted });
    expect(result).toBeUndefined();
  });

  it('trains with the rate of its lease', async () => {
    const isWanted = () => true;
    const slow = { ...config, optimizer: { ...sgd, learningRate: 0.125 } };
    const told = await takeLocalSteps(training(), { ...round, learningRate: 0.125, isWanted });
    const configured = await takeLocalSteps(training(slow), { ...round, isWanted });
    expect(told).toEqual(configured);
    expect(told).not.toEqual(await takeLocalSteps(training(), { ...round, isWanted }));
  });

  it('comes to the same bits in the memory of an engine that offers its own', async () => {
    const isWanted = () => true;
    const model = modelOf(config);
    const memory = new VectorMemory(1 << 20);
    const offered = changed(engine, { weights: memory.floats(model.parameterCount) });
    const expected = await takeLocalSteps(training(), { ...round, isWanted });
    const result = await takeLocalSteps({ ...training(), engine: offered }, { ...round, isWanted });
    expect(result).toEqual(expected);
    expect(result!.gradient.buffer).toBe(offered.weights!.buffer);
  });

  it('leaves the weights as they were for the next replica', async () => {
    const before = weights.slice();
    await takeLocalSteps(training(), { ...round, isWanted: () => true });
    expect(weights).toEqual(before);
  });
});

/** The same engine, but for the memory that it offers, and for how long it takes. */
function changed(
  engine: Engine,
  { weights, delayMs = 0 }: { readonly weights?: Float32Array; readonly delayMs?: number },
): Engine {
  return {
    ...engine,
    ...(weights && { weights }),
    load: (loaded) => engine.load(loaded),
    gradient: (slice) => {
      const endsAt = performance.now() + delayMs;
      while (performance.now() < endsAt);
      return engine.gradient(slice);
    },
  };
}

describe('the learning rate of local steps', () => {
  const decaying: RunConfig = {
    ...config,
    shape: { ...config.shape, trainSamples: 60_000 },
    batchSize: 64,
    shards: 2,
    epochs: 20,
    schedule: { name: 'cosine', warmupSteps: 10, decay: 0.1, decayEpochs: 5 },
  };
  const local: RunConfig = { ...decaying, ...localSync(16) };

  it('is that of plain training with the batches of all replicas in one', () => {
    const together: RunConfig = { ...decaying, batchSize: 128 };
    const rateOf = learningRateFor(local, planOf(local));
    const plainRateOf = learningRateFor(together, planOf(together));
    expect([0, 1, 15].map((step) => rateOf(0, step))).toEqual(
      [0, 1, 15].map((at) => plainRateOf(at)),
    );
    // An epoch is 29 rounds of 16 local steps and one of 5: 469 batches of 128.
    expect(planOf(local).stepsPerEpoch).toBe(30);
    expect(rateOf(30, 0)).toBe(plainRateOf(469));
    expect(rateOf(29)).toBe(plainRateOf(468));
    expect(rateOf(599)).toBe(plainRateOf(469 * 20 - 1));
  });

  it('follows the rate that an administrator set as it would have followed the configured one', () => {
    const rateOf = learningRateFor(local, planOf(local));
    const other = { ...local, optimizer: { ...local.optimizer, learningRate: 0.3 } };
    const otherRateOf = learningRateFor(other, planOf(other));
    for (const step of [0, 9, 15, undefined]) {
      expect(rateOf(7, step, 0.3)).toBe(otherRateOf(7, step));
    }
  });

  it('of a round is that of its last local step', () => {
    const rateOf = learningRateFor(local, planOf(local));
    expect(rateOf(0)).toBe(rateOf(0, 15));
    expect(rateOf(3)).toBe(rateOf(3, 15));
    expect(rateOf(29)).toBe(rateOf(29, 4));
  });
});
