import { describe, expect, it } from 'vitest';
import type { SampleRange } from '../shared/contracts.ts';
import { createPlan, isAlignedRun, type Plan, type PlanOptions } from '../shared/plan.ts';
import { createRandom } from '../shared/random.ts';
import { shardingNames } from '../shared/shardings/index.ts';

const usual: PlanOptions = {
  samples: 1000,
  batchSize: 64,
  shards: 4,
  epochs: 3,
  seed: 0,
  shuffle: true,
  sharding: 'shuffled',
};
const everyIndex = Array.from({ length: usual.samples }, (_, index) => index);
const layouts = [
  ['a last batch that is short', {}],
  ['whole batches only', { batchSize: 100 }],
  ['one shard a step', { shards: 1 }],
  ['shards of unequal size', { batchSize: 50, shards: 16 }],
  ['more shards than samples', { batchSize: 5, shards: 8 }],
  ['more shards than samples in the last step only', { batchSize: 332, shards: 64 }],
  ['one step an epoch', { batchSize: 5000, shards: 8 }],
  ['one sample a step', { batchSize: 1, shards: 2 }],
] as const;

const dealtLayouts = shardingNames.flatMap((sharding) =>
  layouts.map(([title, layout]) => [sharding, title, { ...layout, sharding }] as const),
);

describe.each(dealtLayouts)('a %s plan with %s', (_sharding, _title, layout) => {
  const plan = createPlan({ ...usual, ...layout });

  it('has every sample exactly once in every epoch', () => {
    for (let epoch = 0; epoch < 3; epoch++) {
      expect(epochOrder(layout, epoch).sort((a, b) => a - b)).toEqual(everyIndex);
    }
  });

  it('draws each shard from what it says that it draws from', () => {
    for (let step = 0; step < plan.stepsPerEpoch; step++) {
      for (const shard of shardsOf(plan.shards)) {
        const source = new Set(samplesOf(plan.sourceOf(shard)));
        expect([...plan.shardIndices(1, step, shard)].filter((at) => !source.has(at))).toEqual([]);
      }
    }
  });

  it('cuts each step into shards of nearly equal size', () => {
    for (let step = 0; step < plan.stepsPerEpoch; step++) {
      const sizes = shardsOf(plan.shards).map((shard) => plan.shardIndices(0, step, shard).length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      expect(sum(sizes)).toBe(plan.stepSize(step));
    }
  });

  it('counts the samples of every aligned run', () => {
    for (let step = 0; step < plan.stepsPerEpoch; step++) {
      for (let length = 1; length <= plan.shards; length *= 2) {
        for (let start = 0; start < plan.shards; start += length) {
          const run = shardsOf(length).map((shard) => plan.shardIndices(1, step, start + shard));
          expect(plan.runSize(step, start, length)).toBe(run.flatMap((view) => [...view]).length);
        }
      }
    }
  });
});

describe('a sticky plan', () => {
  const sticky = { ...usual, sharding: 'sticky' } as const;
  const partsOf = (plan: Plan) => shardsOf(plan.shards).map((at) => samplesOf(plan.sourceOf(at)));

  it('has every sample in exactly one part, whatever the sizes', () => {
    const random = createRandom('sizes');
    for (let round = 0; round < 100; round++) {
      const samples = 1 + random.below(3000);
      const batchSize = 1 + random.below(random.below(4) === 0 ? samples : 100);
      const shards = 2 ** random.below(8);
      const plan = createPlan({ ...sticky, samples, batchSize, shards });
      const parts = partsOf(plan).flat();
      expect(parts.sort((a, b) => a - b)).toEqual(Array.from(parts, (_, at) => at));
      expect(parts).toHaveLength(samples);
      const epoch = epochOrder({ ...sticky, samples, batchSize, shards }, 1);
      expect(epoch.sort((a, b) => a - b)).toEqual(parts);
    }
  });

  it('has the same parts in all epochs, and takes their samples in another order', () => {
    const plan = createPlan({ ...sticky, batchSize: 100 });
    const taken = [0, 1].map((epoch) =>
      shardsOf(plan.stepsPerEpoch).flatMap((step) => [...plan.shardIndices(epoch, step, 2)]),
    );
    expect(taken[0]).not.toEqual(taken[1]);
    const sorted = taken.map((samples) => [...samples].sort((a, b) => a - b));
    expect(sorted[0]).toEqual(sorted[1]);
  });

  it.each([
    [2, 240],
    [8, 240],
    [16, 240],
    [32, 256],
    [64, 288],
  ])(
    'of %i shards cuts parts of MNIST that touch %i of its 240 blocks in all',
    (shards, touched) => {
      const plan = createPlan({ ...sticky, samples: 60_000, shards });
      const blocks = partsOf(plan).map(
        (part) => new Set(part.map((at) => Math.floor(at / 250))).size,
      );
      expect(sum(blocks)).toBe(touched);
    },
  );

  it('needs few blocks of a part for many steps, and 64 blocks in all', () => {
    const plan = createPlan({ ...sticky, samples: 60_000, shards: 8 });
    for (const first of [0, 250, 500]) {
      const steps = shardsOf(250).map((step) => first + step);
      const blocks = shardsOf(8).map((shard) => {
        const samples = steps.flatMap((step) => [...plan.shardIndices(1, step, shard)]);
        return new Set(samples.map((at) => Math.floor(at / 250))).size;
      });
      expect(blocks).toEqual([8, 8, 8, 8, 8, 8, 8, 8]);
    }
  });

  it('spreads data that is sorted by class over its parts', () => {
    const plan = createPlan({ ...sticky, samples: 60_000, shards: 8 });
    const classes = partsOf(plan).map((part) => new Set(part.map((at) => Math.floor(at / 6000))));
    expect(Math.min(...classes.map(({ size }) => size))).toBeGreaterThanOrEqual(8);
  });

  it('keeps the order of the data within and between its parts when it must not shuffle', () => {
    const plan = createPlan({ ...sticky, shuffle: false });
    expect(partsOf(plan).flat()).toEqual(everyIndex);
    expect([...plan.shardIndices(1, 0, 0), ...plan.shardIndices(1, 1, 0)]).toEqual(
      everyIndex.slice(0, 32),
    );
  });

  it('does not change from one release to the next', () => {
    const mnist = createPlan({ ...sticky, samples: 60_000 });
    expect(mnist.sourceOf(0)[0]).toEqual({ start: 50_000, end: 50_250 });
    expect([...mnist.shardIndices(0, 0, 0)].slice(0, 5)).toEqual([8644, 5495, 51_292, 5491, 3530]);
  });
});

describe('a plan', () => {
  it('orders each epoch of each seed anew', () => {
    const orders = [0, 1, 2].flatMap((epoch) =>
      [0, 1, -1].map((seed) => epochOrder({ seed }, epoch).join()),
    );
    expect(new Set(orders).size).toBe(9);
  });

  it('is the same for everybody, whatever they asked for before', () => {
    const plan = createPlan(usual);
    const other = createPlan(usual);
    const first = [...plan.shardIndices(0, 3, 1)];
    expect([...plan.shardIndices(1, 3, 1)]).toEqual([...other.shardIndices(1, 3, 1)]);
    expect([...plan.shardIndices(0, 3, 1)]).toEqual(first);
    expect([...other.shardIndices(0, 3, 1)]).toEqual(first);
  });

  it('does not change from one release to the next', () => {
    const small = { ...usual, samples: 12, batchSize: 12, shards: 1 };
    expect(epochOrder(small, 0)).toEqual([6, 10, 2, 0, 8, 4, 11, 7, 1, 9, 3, 5]);
    expect(epochOrder(small, 1)).toEqual([1, 5, 11, 7, 0, 9, 8, 4, 6, 3, 2, 10]);
    const mnist = createPlan({ ...usual, samples: 60_000 });
    const firstShard = [...mnist.shardIndices(0, 0, 0)];
    expect(firstShard.slice(0, 5)).toEqual([13_923, 31_529, 352, 55_325, 3519]);
  });

  it('keeps the order of the data when it must not shuffle', () => {
    expect(epochOrder({ shuffle: false }, 0)).toEqual(everyIndex);
    expect(epochOrder({ shuffle: false }, 2)).toEqual(everyIndex);
  });

  it('counts the short batch at the end of an epoch as a step', () => {
    const plan = createPlan(usual);
    expect(plan.stepsPerEpoch).toBe(16);
    expect(plan.totalSteps).toBe(48);
    expect(plan.stepSize(14)).toBe(64);
    expect(plan.stepSize(15)).toBe(1000 - 15 * 64);
  });

  it('spreads few samples over many shards, and leaves the others empty', () => {
    const plan = createPlan({ ...usual, batchSize: 3, shards: 8, shuffle: false });
    const shards = shardsOf(8).map((shard) => [...plan.shardIndices(0, 0, shard)]);
    expect(shards).toEqual([[], [], [0], [], [], [1], [], [2]]);
    expect(plan.runSize(0, 0, 2)).toBe(0);
    expect(plan.runSize(0, 0, 4)).toBe(1);
  });

  it('ends early when it is told how many steps to take, and never late', () => {
    expect(createPlan({ ...usual, maxSteps: 20 }).totalSteps).toBe(20);
    expect(createPlan({ ...usual, maxSteps: 500 }).totalSteps).toBe(48);
  });

  it('knows which step comes after how many', () => {
    const { position } = createPlan(usual);
    expect([0, 15, 16, 47].map(position)).toEqual([
      { epoch: 0, step: 0 },
      { epoch: 0, step: 15 },
      { epoch: 1, step: 0 },
      { epoch: 2, step: 15 },
    ]);
  });
});

describe('an aligned run of shards', () => {
  it('is a subtree of the step', () => {
    const subtrees: [number, number][] = [];
    for (let start = -2; start < 10; start++) {
      for (let length = -2; length < 10; length++) {
        if (isAlignedRun(start, length, 8)) subtrees.push([length, start]);
      }
    }
    expect(subtrees.sort(([a, b], [c, d]) => a - c || b - d)).toEqual([
      ...shardsOf(8).map((start) => [1, start]),
      ...[0, 2, 4, 6].map((start) => [2, start]),
      ...[0, 4].map((start) => [4, start]),
      [8, 0],
    ]);
  });

  it.each([
    [0.5, 1],
    [0, 0.5],
    [0, 1.5],
    [Number.NaN, 1],
    [0, Number.NaN],
    [0, Number.POSITIVE_INFINITY],
  ])('is made of whole numbers: not %d + %d', (start, length) => {
    expect(isAlignedRun(start, length, 8)).toBe(false);
  });
});

function epochOrder(changes: Partial<PlanOptions>, epoch: number): number[] {
  const plan = createPlan({ ...usual, ...changes });
  const order: number[] = [];
  for (let step = 0; step < plan.stepsPerEpoch; step++) {
    for (const shard of shardsOf(plan.shards)) order.push(...plan.shardIndices(epoch, step, shard));
  }
  return order;
}

function shardsOf(count: number): number[] {
  return Array.from({ length: count }, (_, shard) => shard);
}

function samplesOf(ranges: readonly SampleRange[]): number[] {
  return ranges.flatMap(({ start, end }) => shardsOf(end - start).map((at) => start + at));
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
