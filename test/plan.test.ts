import { describe, expect, it } from 'vitest';
import { createPlan, isAlignedRun, type PlanOptions } from '../shared/plan.ts';

const usual: PlanOptions = {
  samples: 1000,
  batchSize: 64,
  shards: 4,
  epochs: 3,
  seed: 0,
  shuffle: true,
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

describe.each(layouts)('a plan with %s', (_, layout) => {
  const plan = createPlan({ ...usual, ...layout });

  it('has every sample exactly once in every epoch', () => {
    for (let epoch = 0; epoch < 3; epoch++) {
      expect(epochOrder(layout, epoch).sort((a, b) => a - b)).toEqual(everyIndex);
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

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
