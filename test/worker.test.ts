import { setImmediate as allIsDone } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createTopK } from '../shared/codecs/topk.ts';
import { createPlan } from '../shared/plan.ts';
import { TreeSum } from '../shared/tree-sum.ts';
import { TrainingData } from '../worker/training-data.ts';
import type { FakeCoordinator } from './fake-coordinator.ts';
import {
  employ,
  employReady,
  imagesPerBlock,
  leaseOf,
  localConfig,
  localSum,
  offering,
  parameterCount,
  plan,
  shardSum,
  stickyWelcome,
  topKWelcome,
  valuesOf,
  weightsOf,
  welcome,
} from './worker-at-work.ts';

describe('a worker', () => {
  it('says what it computes with, and how fast, once it has all that a run needs', async () => {
    const { coordinator } = employ();
    coordinator.open();
    coordinator.say(welcome);
    expect(await coordinator.hear('ready')).toEqual({
      type: 'ready',
      engine: 'reference:float64',
      samplesPerSecond: 1234,
    });
  });

  it('answers a lease with the sums over its samples, at the weights that it was sent', async () => {
    const { coordinator } = await employReady();
    coordinator.say(weightsOf(4));
    coordinator.say(leaseOf(4, { start: 5, length: 1 }));
    const { payload, ...answer } = await coordinator.hear('gradient');
    const { gradient, lossSum, correct } = await shardSum(4, 5);
    expect(valuesOf(payload)).toEqual(gradient);
    expect(answer).toEqual({
      type: 'gradient',
      run: 'mnist-1',
      epoch: 1,
      step: 1,
      version: 4,
      start: 5,
      length: 1,
      samples: plan.runSize(1, 5, 1),
      lossSum,
      correct,
      computeMs: 1,
    });
  });

  it.each([2, 4, 8])('adds up a run of %i shards to the bit as the tree does', async (length) => {
    const { coordinator } = await employReady();
    coordinator.say(weightsOf(0));
    coordinator.say(leaseOf(0, { start: 0, length }));
    const { payload, ...answer } = await coordinator.hear('gradient');
    const tree = new TreeSum(length);
    for (let shard = 0; shard < length; shard++) tree.add(shard, 1, await shardSum(0, shard));
    const { gradient, lossSum, correct } = tree.total!;
    expect(valuesOf(payload)).toEqual(gradient);
    expect(answer).toMatchObject({ samples: plan.runSize(0, 0, length), lossSum, correct });
  });

  it('answers with where local steps lead from its weights, when the run has those', async () => {
    const { coordinator, engines } = employ();
    coordinator.open();
    coordinator.say({ ...welcome, config: localConfig });
    await coordinator.hear('ready');
    coordinator.say(weightsOf(0));
    coordinator.say(leaseOf(0, { start: 0, length: 2 }));
    const { payload, ...answer } = await coordinator.hear('gradient');
    const tree = new TreeSum(2);
    for (const shard of [0, 1]) tree.add(shard, 1, await localSum(0, shard));
    const { gradient, lossSum, correct } = tree.total!;
    expect(valuesOf(payload)).toEqual(gradient);
    expect(answer).toMatchObject({ samples: 2 * 6, lossSum, correct });
    expect(engines[0].gradients).toBe(2 * 3);
  });

  it('breaks a round off when its weights are not wanted any more', async () => {
    const { coordinator, engines } = employ();
    coordinator.open();
    coordinator.say({ ...welcome, config: localConfig });
    await coordinator.hear('ready');
    coordinator.say(weightsOf(0));
    const begun = engines[0].pause();
    coordinator.say(leaseOf(0, { start: 0, length: 2 }));
    await begun;
    coordinator.say(weightsOf(1));
    engines[0].resume();
    // One of the two samples that are left for the second round.
    coordinator.say(leaseOf(1, { start: 3, length: 1 }));
    expect(await coordinator.hear('gradient')).toMatchObject({ version: 1, samples: 1 });
    expect(engines[0].gradients).toBe(1 + 1);
  });

  it('answers each run of a lease by itself, in their order', async () => {
    const { coordinator } = await employReady();
    const runs = [6, 0, 3].map((start) => ({ start, length: 1 }));
    coordinator.say(weightsOf(0));
    coordinator.say(leaseOf(0, ...runs));
    for (const { start } of runs) {
      const { payload, ...answer } = await coordinator.hear('gradient');
      expect(answer).toMatchObject({ start, length: 1, samples: plan.runSize(0, start, 1) });
      expect(valuesOf(payload)).toEqual((await shardSum(0, start)).gradient);
    }
  });

  it('ignores a lease at weights that it does not have', async () => {
    const { coordinator } = await employReady();
    const run = { start: 1, length: 1 };
    coordinator.say(leaseOf(3, run));
    coordinator.say(weightsOf(5));
    coordinator.say(leaseOf(3, run));
    coordinator.say(leaseOf(6, run));
    coordinator.say(leaseOf(5, run));
    const { version, payload } = await coordinator.hear('gradient');
    expect(version).toBe(5);
    expect(valuesOf(payload)).toEqual((await shardSum(5, 1)).gradient);
    expect(coordinator.unheard).toEqual([]);
  });

  it('drops what is left of its work when weights of a later step come', async () => {
    const { coordinator, engine } = await employReady();
    coordinator.say(weightsOf(3));
    const computing = engine.pause();
    coordinator.say(leaseOf(3, { start: 0, length: 4 }, { start: 4, length: 1 }));
    await computing;
    coordinator.say(weightsOf(4));
    coordinator.say(leaseOf(4, { start: 7, length: 1 }));
    engine.resume();
    const { version, start } = await coordinator.hear('gradient');
    expect({ version, start }).toEqual({ version: 4, start: 7 });
    expect(coordinator.unheard).toEqual([]);
    // The one that it was in the middle of, and the one that is wanted.
    expect(engine.gradients).toBe(2);
  });

  it('computes nothing at weights that are on their way into its memory', async () => {
    const { coordinator, engine } = await employReady();
    const run = { start: 1, length: 1 };
    coordinator.say(weightsOf(3));
    coordinator.roomFor(4 * parameterCount)!.fill(0x40, 0, 2 * parameterCount);
    // They were written over before they were read to the end: there is no message for what is here now.
    coordinator.say(leaseOf(3, run));
    coordinator.say(leaseOf(4, run));
    await allIsDone();
    expect(engine.gradients).toBe(0);
    coordinator.say(weightsOf(5));
    coordinator.say(leaseOf(5, run));
    const { version, payload } = await coordinator.hear('gradient');
    expect(version).toBe(5);
    expect(valuesOf(payload)).toEqual((await shardSum(5, 1)).gradient);
    expect(engine.gradients).toBe(1);
    expect(coordinator.unheard).toEqual([]);
  });

  it('says nothing of what it computes when its weights are being written over', async () => {
    const { coordinator, engine } = await employReady();
    coordinator.say(weightsOf(3));
    const computing = engine.pause();
    coordinator.say(leaseOf(3, { start: 0, length: 4 }));
    await computing;
    coordinator.roomFor(4 * parameterCount)!.fill(0x40);
    engine.resume();
    await allIsDone();
    coordinator.say(weightsOf(4));
    coordinator.say(leaseOf(4, { start: 7, length: 1 }));
    expect(await coordinator.hear('gradient')).toMatchObject({ version: 4, start: 7 });
    expect(coordinator.unheard).toEqual([]);
  });

  it('takes weights from where it wanted them, in the memory of its engine if that has one', async () => {
    const offered = new Float32Array(parameterCount);
    const { coordinator } = employ({ createEngine: () => offering(offered) });
    coordinator.open();
    coordinator.say(welcome);
    await coordinator.hear('ready');
    const room = coordinator.roomFor(4 * parameterCount)!;
    expect(room.buffer).toBe(offered.buffer);
    room.set(weightsOf(2).payload);
    coordinator.sayInPlace({ type: 'weights', version: 2, payload: room });
    coordinator.say(leaseOf(2, { start: 1, length: 1 }));
    const { payload } = await coordinator.hear('gradient');
    expect(valuesOf(payload)).toEqual((await shardSum(2, 1)).gradient);
  });

  it('has room for nothing but its weights, and for none before it knows them', async () => {
    const { coordinator } = employ();
    coordinator.open();
    expect(coordinator.roomFor(4 * parameterCount)).toBeUndefined();
    coordinator.say(welcome);
    await coordinator.hear('ready');
    expect(coordinator.roomFor(4 * parameterCount + 4)).toBeUndefined();
    expect(coordinator.roomFor(4 * parameterCount)).toHaveLength(4 * parameterCount);
  });

  it('loads weights once, however many leases are at them', async () => {
    const { coordinator, engine } = await employReady();
    coordinator.say(weightsOf(3));
    for (const start of [0, 1, 2]) {
      coordinator.say(leaseOf(3, { start, length: 1 }));
      await coordinator.hear('gradient');
    }
    expect(engine.loads).toBe(1);
  });

  it('fetches the whole training set before its first lease where any sample may come next', async () => {
    const { broughtBlocks } = await employReady();
    expect(broughtBlocks).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('fetches nothing but the parts of its shards where each has its own', async () => {
    const { coordinator, broughtBlocks } = employ();
    coordinator.open();
    coordinator.say(stickyWelcome);
    await coordinator.hear('ready');
    expect(broughtBlocks).toEqual([]);
    for (let lease = 0; lease < 16; lease++) {
      coordinator.say(weightsOf(lease));
      coordinator.say(leaseOf(lease, { start: 2, length: 2 }));
      await coordinator.hear('gradient');
    }
    const { sourceOf } = createPlan({ ...stickyWelcome.config, samples: 50 });
    const blocks = [2, 3].flatMap(sourceOf).flatMap(({ start, end }) => [start, end - 1]);
    const touched = new Set(blocks.map((sample) => Math.floor(sample / imagesPerBlock)));
    expect(new Set(broughtBlocks)).toEqual(touched);
    expect(broughtBlocks).toHaveLength(touched.size);
  });

  it.each([
    [15, false],
    [16, true],
  ])(
    'believes after %i leases of the same shards that it keeps them: %s',
    async (leases, isSure) => {
      const { coordinator, broughtBlocks } = employ();
      coordinator.open();
      coordinator.say(stickyWelcome);
      await coordinator.hear('ready');
      // A step of six samples, which are not of all eight blocks.
      for (let lease = 0; lease < leases; lease++) {
        coordinator.say(weightsOf(2));
        coordinator.say(leaseOf(2, { start: 0, length: 8 }));
        await coordinator.hear('gradient');
      }
      await allIsDone();
      expect(broughtBlocks.length === 8).toBe(isSure);
    },
  );

  it('tells people that it is a spare', async () => {
    const { coordinator, log } = await employReady();
    coordinator.say({ type: 'standby', shards: 8, workers: 9 });
    expect(log).toEqual(['connected', 'waiting as a spare: 9 workers for 8 shards a step']);
  });
});

describe('a worker that leaves most of a gradient out', () => {
  const codec = createTopK(0.2);
  const lease = leaseOf(0, { start: 0, length: 1 });
  const start = async () => {
    const { coordinator } = employ();
    coordinator.open();
    coordinator.say(topKWelcome);
    await coordinator.hear('ready');
    coordinator.say(weightsOf(0));
    return coordinator;
  };
  const answer = async (coordinator: FakeCoordinator) => {
    coordinator.say(lease);
    const { payload } = await coordinator.hear('gradient');
    return codec.decode(payload, new Float32Array(parameterCount));
  };

  it('sends the largest values, and what it left out with the next ones', async () => {
    const coordinator = await start();
    const { gradient } = await shardSum(0, 0);
    const first = await answer(coordinator);
    expect(first.filter((value) => value !== 0)).toHaveLength(Math.ceil(0.2 * parameterCount));
    coordinator.say({ type: 'verdict', version: 0, start: 0, length: 1, counts: true });
    const second = await answer(coordinator);
    const left = gradient.map((value, at) => 2 * value - first[at] - second[at]);
    expect(second).not.toEqual(first);
    expect(Math.max(...left.map(Math.abs))).toBeLessThan(Math.max(...gradient.map(Math.abs)));
  });

  it('answers as if it had not, when that answer does not count', async () => {
    const coordinator = await start();
    const first = await answer(coordinator);
    coordinator.say({ type: 'verdict', version: 0, start: 0, length: 1, counts: false });
    for (const [at, value] of (await answer(coordinator)).entries()) {
      expect(value).toBeCloseTo(first[at], 4);
    }
  });

  it('gives up what it kept when its connection breaks', async () => {
    const coordinator = await start();
    const first = await answer(coordinator);
    coordinator.drop('the connection broke');
    coordinator.open();
    coordinator.say(topKWelcome);
    await coordinator.hear('ready');
    coordinator.say(weightsOf(0));
    expect(await answer(coordinator)).toEqual(first);
  });
});

describe('a worker whose connection breaks', () => {
  it('sends nothing on the new one that was asked for on the old one', async () => {
    const { coordinator, engine } = await employReady();
    coordinator.say(weightsOf(3));
    const computing = engine.pause();
    coordinator.say(leaseOf(3, { start: 0, length: 1 }, { start: 1, length: 1 }));
    coordinator.say(leaseOf(3, { start: 2, length: 1 }));
    await computing;
    coordinator.drop('the connection broke');
    coordinator.open();
    coordinator.say({ ...welcome, worker: 'w2' });
    engine.resume();
    await coordinator.hear('ready');
    coordinator.say(leaseOf(3, { start: 3, length: 1 }));
    coordinator.say(weightsOf(4));
    coordinator.say(leaseOf(4, { start: 4, length: 1 }));
    expect(await coordinator.hear('gradient')).toMatchObject({ version: 4, start: 4 });
    expect(coordinator.unheard).toEqual([]);
  });

  it('keeps its data and its engine for the same run', async () => {
    const employment = await employReady();
    const { coordinator, engines } = employment;
    coordinator.drop('the connection broke');
    coordinator.open();
    coordinator.say({ ...welcome, worker: 'w2' });
    expect(await coordinator.hear('ready')).toMatchObject({ samplesPerSecond: 1234 });
    expect(employment.fetches).toBe(1);
    expect(engines.map(({ isDisposed }) => isDisposed)).toEqual([false]);
  });

  it('starts anew for another run', async () => {
    const employment = await employReady();
    const { coordinator, engines } = employment;
    coordinator.drop('the connection broke');
    coordinator.open();
    coordinator.say({ ...welcome, run: 'mnist-2' });
    await coordinator.hear('ready');
    expect(employment.fetches).toBe(2);
    expect(engines.map(({ isDisposed }) => isDisposed)).toEqual([true, false]);
    coordinator.say(weightsOf(0));
    coordinator.say(leaseOf(0, { start: 0, length: 1 }));
    expect(await coordinator.hear('gradient')).toMatchObject({ run: 'mnist-2' });
  });

  it('says so once, and again when it is back', async () => {
    const { coordinator, log } = await employReady();
    coordinator.drop('the connection broke');
    coordinator.drop('nobody answers there');
    coordinator.drop('nobody answers there');
    coordinator.open();
    expect(log).toEqual([
      'connected',
      'the connection broke; trying again until it works',
      'connected again',
    ]);
  });
});

describe('a worker ends', () => {
  it('when it is told to leave, and says goodbye', async () => {
    const { coordinator, worker, engine } = await employReady();
    worker.leave('its owner pressed Ctrl-C');
    const leave = { type: 'leave', reason: 'its owner pressed Ctrl-C' };
    expect(await coordinator.hear('leave')).toEqual(leave);
    expect(await worker.ending).toEqual({ kind: 'left' });
    // A goodbye on a connection that is closed already might not be heard.
    expect(coordinator.isClosed).toBe(false);
    coordinator.drop('the coordinator hung up', { isFinal: true });
    expect(coordinator.isClosed).toBe(true);
    await engine.disposal.given;
  });

  it('at once when it is told to leave while its coordinator is away', async () => {
    const { coordinator, worker } = await employReady();
    coordinator.drop('the connection broke');
    worker.leave('its owner pressed Ctrl-C');
    expect(coordinator.isClosed).toBe(true);
    expect(await worker.ending).toEqual({ kind: 'left' });
  });

  it('in the middle of a lease without sending the rest, and then lets go of its engine', async () => {
    const { coordinator, worker, engine } = await employReady();
    coordinator.say(weightsOf(3));
    const computing = engine.pause();
    coordinator.say(leaseOf(3, { start: 0, length: 1 }));
    await computing;
    worker.leave('enough');
    await worker.ending;
    expect(engine.isDisposed).toBe(false);
    engine.resume();
    await engine.disposal.given;
    expect(coordinator.unheard).toEqual([{ type: 'leave', reason: 'enough' }]);
  });

  it('when the run is finished', async () => {
    const { coordinator, worker } = await employReady();
    coordinator.say({ type: 'finished', reason: 'completed' });
    expect(await worker.ending).toEqual({ kind: 'finished', reason: 'completed' });
    expect(coordinator.isClosed).toBe(true);
  });

  it('when it is refused, for the reason that came first', async () => {
    const { coordinator, worker } = await employReady();
    const refusal = { reason: 'strikes', detail: 'it sent three bad messages' };
    coordinator.say({ type: 'refused', ...refusal });
    coordinator.drop('the coordinator hung up', { isFinal: true });
    expect(await worker.ending).toEqual({ kind: 'refused', ...refusal });
    expect(coordinator.isClosed).toBe(true);
  });

  it('when the coordinator hangs up for good', async () => {
    const { coordinator, worker } = employ();
    coordinator.drop('it speaks another version', { isFinal: true });
    expect(await worker.ending).toEqual({
      kind: 'refused',
      reason: 'coordinator',
      detail: 'it speaks another version',
    });
  });

  it.each([
    ['data', { loadData: () => Promise.reject(new Error('no data')) }],
    ['engine', { createEngine: () => Promise.reject(new Error('no engine')) }],
  ])('when it has no %s, and names that stage', async (stage, environment) => {
    const { coordinator, worker } = employ(environment);
    coordinator.open();
    coordinator.say(welcome);
    const error = new Error(`no ${stage}`);
    expect(await worker.ending).toEqual({ kind: 'failed', stage, error });
    expect(coordinator.isClosed).toBe(true);
  });

  it('when a block of its data does not come for a lease, and names that stage', async () => {
    const error = new Error('block 3 did not come');
    const { coordinator, worker } = employ({
      loadData: async () =>
        new TrainingData({
          labels: new Uint8Array(50),
          imageBytes: 6,
          imagesPerBlock,
          bring: () => Promise.reject(error),
        }),
    });
    coordinator.open();
    coordinator.say(welcome);
    await coordinator.hear('ready');
    coordinator.say(weightsOf(3));
    coordinator.say(leaseOf(3, { start: 0, length: 1 }));
    expect(await worker.ending).toEqual({ kind: 'failed', stage: 'data', error });
  });

  it('when its engine breaks in training', async () => {
    const { coordinator, worker, engine } = await employReady();
    engine.failure = new Error('the GPU is gone');
    coordinator.say(weightsOf(3));
    coordinator.say(leaseOf(3, { start: 0, length: 1 }));
    const error = engine.failure;
    expect(await worker.ending).toEqual({ kind: 'failed', stage: 'training', error });
    await engine.disposal.given;
  });
});
