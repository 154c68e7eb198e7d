import { describe, expect, it } from 'vitest';
import { ShardSet } from '../coordinator/shard-set.ts';
import { aggregationOf } from '../deploy/aggregation-options.ts';
import { aggregations } from '../shared/aggregations/index.ts';
import { aggregationNames } from '../shared/aggregations/names.ts';
import type { Aggregation } from '../shared/contracts.ts';
import { createRandom } from '../shared/random.ts';
import { VectorPool } from '../shared/vectors/pool.ts';
import { only, shardsOf, VirtualRun } from './virtual-run.ts';

function combine(aggregation: Aggregation, means: readonly Float32Array[]): Float32Array {
  const into = new Float32Array(means[0].length);
  aggregation.combine(means, into);
  return into;
}

/** Near to ones, as the gradients of shards are near to each other. */
function honestMeans(count: number, length = 50): Float32Array[] {
  const random = createRandom(0, 'means');
  return Array.from({ length: count }, () =>
    Float32Array.from({ length }, () => 1 + (random.uniform() - 0.5) / 5),
  );
}

function distance(one: Float32Array, other: Float32Array): number {
  return Math.hypot(...one.map((value, at) => value - other[at]));
}

describe.each(aggregationNames)('%s', (name) => {
  const aggregation = aggregations[name];

  it('of equal gradients is that gradient', () => {
    const mean = Float32Array.of(1, -2, 0, 0.5);
    const combined = combine(aggregation, new Array(aggregation.leastShards).fill(mean));
    for (const [at, value] of mean.entries()) expect(combined[at]).toBeCloseTo(value, 6);
  });

  it('of honest gradients is near to their mean', () => {
    const combined = combine(aggregation, honestMeans(8));
    expect(distance(combined, new Float32Array(50).fill(1))).toBeLessThan(0.5);
  });

  it('is not carried away by one large lie, where the fewest shards are there', () => {
    const means = honestMeans(aggregation.leastShards);
    means[1].fill(-1e6);
    expect(Math.hypot(...combine(aggregation, means))).toBeLessThan(2 * Math.sqrt(50));
  });

  it('leaves the gradients as they were', () => {
    const means = honestMeans(8);
    const before = means.map((mean) => mean.slice());
    combine(aggregation, means);
    expect(means).toEqual(before);
  });

  it('is refused where a step has fewer shards than it needs', () => {
    const codecs = { gradients: 'float32', weights: 'float32', topK: 0.01 } as const;
    expect(aggregationOf(name, { shards: 4, codecs })).toEqual({ aggregation: name });
    expect(() => aggregationOf(name, { shards: 2, codecs })).toThrow(
      /needs at least \d shards, and a step has 2/,
    );
  });
});

it.each(['median', 'trimmed-mean', 'clipped'] as const)(
  '%s comes out right where a quarter of the shards turns its gradients around',
  (name) => {
    const means = honestMeans(8);
    for (const mean of means.slice(3, 5)) for (const at of mean.keys()) mean[at] *= -10;
    expect(distance(combine(aggregations[name], means), new Float32Array(50).fill(1))).toBeLessThan(
      3,
    );
  },
);

describe('the shards of a step', () => {
  const run = { workers: { a: 100, b: 100, c: 100 }, robust: 'median' } as const;

  it('are leased and answered one by one', () => {
    const virtual = new VirtualRun(run);
    const leases = only(virtual.effects, 'lease');
    expect(leases.flatMap(shardsOf).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(leases.flatMap(({ runs }) => runs).every(({ length }) => length === 1)).toBe(true);
  });

  it('become the median of their means, times the samples', () => {
    const virtual = new VirtualRun(run);
    const [right] = virtual.answersOf('a');
    virtual.lie('a', { gradient: right.gradient.map((value) => -1000 * value) });
    for (const worker of ['a', 'b', 'c']) virtual.answer(worker);
    expect(virtual.core.version).toBe(1);
    expect(virtual.core.weights).toEqual(Float32Array.of(-1, -1, -1, -1));
  });

  it('are told of as they came, though they become means where they lie', () => {
    const sums = new VectorPool();
    const told: Float32Array[] = [];
    const virtual = new VirtualRun({
      ...run,
      sums,
      onAccepted: (_, { gradient }) => void told.push(gradient.slice()),
    });
    const desk = sums.desk(4).fill(4);
    virtual.lie('a', { gradient: desk });
    expect(told).toEqual([new Float32Array(4).fill(4)]);
    expect(desk).toEqual(new Float32Array(4).fill(1));
    expect(sums.desk(4)).not.toBe(desk);
  });

  it('do not depend on the order in which they come', () => {
    const sizes = [3, 3, 2, 0];
    const [first, second] = [
      [0, 1, 2, 3],
      [3, 2, 0, 1],
    ].map((order) => {
      const set = new ShardSet({
        aggregation: aggregations.clipped,
        trainableCount: 50,
        sizes,
        vectors: new VectorPool(),
      });
      const means = honestMeans(4);
      for (const shard of order) {
        expect(set.total).toBeUndefined();
        const sum = { gradient: means[shard], lossSum: shard, correct: 1 };
        set.add(shard, 1, sizes[shard] === 0 ? null : sum);
      }
      return set.total;
    });
    expect(first).toEqual(second);
    expect(first).toMatchObject({ lossSum: 3, correct: 3 });
  });

  it('have the median of their running statistics, however large these are', () => {
    const set = new ShardSet({
      aggregation: aggregations['norm-bound'],
      trainableCount: 1,
      sizes: [1, 1, 1],
      vectors: new VectorPool(),
    });
    for (const [shard, statistic] of [10, 1e9, 20].entries()) {
      set.add(shard, 1, { gradient: Float32Array.of(1, statistic), lossSum: 0, correct: 0 });
    }
    expect(set.total?.gradient).toEqual(Float32Array.of(3, 60));
  });

  it('are refused as a sum of several', () => {
    const { robust } = new VirtualRun(run);
    const set = new ShardSet({ ...robust!, sizes: [1, 1], vectors: new VectorPool() });
    const sum = { gradient: new Float32Array(4), lossSum: 0, correct: 0 };
    expect(() => set.add(0, 2, sum)).toThrow('shards 0 to 1 come as one');
  });
});
