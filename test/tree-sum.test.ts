import { describe, expect, it } from 'vitest';
import type { ShardRun } from '../shared/protocol.ts';
import { createRandom, permutation } from '../shared/random.ts';
import { type PartialSum, TreeSum } from '../shared/tree-sum.ts';
import { addInto } from '../shared/vectors/loops.ts';
import { VectorPool } from '../shared/vectors/pool.ts';

const shards = 8;
/** Of very different sizes, so that float addition loses other digits in every other order. */
const parts = Array.from({ length: shards }, (_, shard) => randomPart(shard));

describe('the tree sum', () => {
  it('has the same bits however the shards are grouped and in whatever order they come', () => {
    const expected = bitsOf(treeOf(parts));
    const partitions = alignedPartitions(0, shards);
    expect(partitions).toHaveLength(26);
    for (const partition of partitions) {
      for (let seed = 0; seed < 50; seed++) {
        const tree = new TreeSum(shards);
        for (const { start, length } of shuffled(partition, seed)) {
          expect(tree.total).toBeUndefined();
          tree.add(start, length, treeOf(parts.slice(start, start + length)));
        }
        expect(bitsOf(tree.total)).toBe(expected);
      }
    }
  });

  it('has other bits than a sum from left to right', () => {
    const naive = parts.slice(1).reduce(plus, parts[0]);
    expect(bitsOf(naive)).not.toBe(bitsOf(treeOf(parts)));
    expect(naive.lossSum).not.toBe(treeOf(parts).lossSum);
    expect(naive.lossSum).toBeCloseTo(treeOf(parts).lossSum, 9);
  });

  it('has the same bits when a worker adds up its own run in a tree of its own', () => {
    const inner = new TreeSum(4);
    for (const shard of [2, 0, 3, 1]) inner.add(shard, 1, copyOf(parts[4 + shard]));
    const outer = new TreeSum(shards);
    outer.add(4, 4, inner.total!);
    outer.add(0, 4, treeOf(parts.slice(0, 4)));
    expect(bitsOf(outer.total)).toBe(bitsOf(treeOf(parts)));
  });

  it('adds up losses and right answers', () => {
    const tree = new TreeSum(4);
    for (const shard of [3, 1, 0, 2]) {
      tree.add(shard, 1, { gradient: Float32Array.of(shard), lossSum: shard / 4, correct: shard });
    }
    expect(tree.total).toEqual({ gradient: Float32Array.of(6), lossSum: 1.5, correct: 6 });
  });

  it('changes nothing that it is given, and does not need it any more', () => {
    const expected = bitsOf(treeOf(parts));
    const pool = new VectorPool();
    for (let seed = 0; seed < 20; seed++) {
      const tree = new TreeSum(shards, addInto, pool);
      for (const shard of shuffled([...parts.keys()], seed)) {
        const part = copyOf(parts[shard]);
        tree.add(shard, 1, part);
        expect(part).toEqual(parts[shard]);
        part.gradient.fill(Number.NaN);
      }
      expect(bitsOf(tree.total)).toBe(expected);
      tree.release();
      expect(tree.total).toBeUndefined();
    }
  });

  it('holds its sums in vectors that are used again', () => {
    let made = 0;
    const pool = new VectorPool((length) => {
      made++;
      return new Float32Array(length);
    });
    for (let step = 0; step < 10; step++) {
      const tree = new TreeSum(shards, addInto, pool);
      // Every other shard first: no more can wait for their siblings.
      for (const shard of [0, 2, 4, 6, 1, 3, 5, 7]) tree.add(shard, 1, parts[shard]);
      tree.release();
    }
    expect(made).toBe(shards / 2);
  });

  it('holds what is at the desk of its pool as it is, and nothing else', () => {
    const pool = new VectorPool();
    const tree = new TreeSum(4, addInto, pool);
    const first = pool.desk(2);
    expect(pool.desk(2)).toBe(first);
    first.set([1, 2]);
    // Another view of the same memory, as a codec may make one.
    const view = new Float32Array(first.buffer, first.byteOffset, 2);
    tree.add(2, 1, { gradient: view, lossSum: 0, correct: 0 });
    const second = pool.desk(2);
    expect(second.buffer).not.toBe(first.buffer);
    tree.add(3, 1, { gradient: Float32Array.of(10, 20), lossSum: 0, correct: 0 });
    expect(first).toEqual(Float32Array.of(11, 22));
    second.set([100, 200]);
    tree.add(0, 2, { gradient: second, lossSum: 0, correct: 0 });
    expect(tree.total!.gradient).toEqual(Float32Array.of(111, 222));
    tree.release();
    // Added to, not held: it is still the desk, and what was held is free.
    expect(pool.desk(2)).toBe(second);
    expect(pool.hold(Float32Array.of(5, 6))).toBe(first);
  });

  it('has the same bits where some gradients come joined with what is beside them', () => {
    const expected = bitsOf(treeOf(parts));
    const pool = new VectorPool();
    let joined = 0;
    for (let seed = 0; seed < 40; seed++) {
      const tree = new TreeSum(shards, addInto, pool);
      for (const shard of shuffled([...parts.keys()], seed)) {
        const { gradient, ...counts } = parts[shard];
        const other = tree.beside(shard, 1);
        const desk = pool.desk(gradient.length);
        desk.set(gradient);
        if (other !== undefined) {
          addInto(desk, other);
          joined++;
        }
        tree.add(shard, 1, { ...counts, gradient: desk }, other !== undefined);
      }
      expect(bitsOf(tree.total)).toBe(expected);
      tree.release();
    }
    expect(joined).toBe((40 * shards) / 2);
  });

  it('has nothing beside a shard whose sibling is missing, has no sample, or is part of more', () => {
    const tree = new TreeSum(8);
    const gradient = Float32Array.of(1);
    const one = { gradient, lossSum: 0, correct: 0 };
    expect(tree.beside(0, 1)).toBeUndefined();
    expect(() => tree.add(0, 1, one, true)).toThrow(RangeError);
    tree.add(0, 1, null);
    expect(tree.beside(1, 1)).toBeUndefined();
    tree.add(2, 1, one);
    expect(tree.beside(3, 1)).toEqual(gradient);
    tree.add(3, 1, { ...one, gradient: Float32Array.of(3) }, true);
    expect(tree.beside(3, 1)).toBeUndefined();
    expect(tree.beside(2, 1)).toBeUndefined();
    expect(tree.beside(0, 2)).toEqual(Float32Array.of(3));
  });

  it('of a single shard is that shard', () => {
    const tree = new TreeSum(1);
    expect(tree.total).toBeUndefined();
    tree.add(0, 1, parts[0]);
    expect(tree.total).toBe(parts[0]);
  });

  it('leaves out subtrees without samples, to the bit', () => {
    const negativeZero = { gradient: Float32Array.of(-0), lossSum: 0.5, correct: 1 };
    const tree = new TreeSum(shards);
    tree.add(4, 4, null);
    tree.add(0, 1, null);
    tree.add(2, 2, null);
    expect(tree.total).toBeUndefined();
    tree.add(1, 1, negativeZero);
    expect(tree.total).toEqual({ gradient: Float32Array.of(-0), lossSum: 0.5, correct: 1 });
  });

  it('is the same whether nobody or somebody else is between two shards', () => {
    const sparse = parts.map((part, shard) => (shard % 3 === 0 ? part : null));
    const expected = bitsOf(plus(plus(parts[0], parts[3]), parts[6]));
    for (let seed = 0; seed < 20; seed++) {
      const tree = new TreeSum(shards);
      for (const shard of shuffled([...parts.keys()], seed)) {
        const part = sparse[shard];
        tree.add(shard, 1, part && copyOf(part));
      }
      expect(bitsOf(tree.total)).toBe(expected);
    }
  });

  it('is null when no shard has a sample', () => {
    const tree = new TreeSum(2);
    tree.add(1, 1, null);
    expect(tree.total).toBeUndefined();
    tree.add(0, 1, null);
    expect(tree.total).toBeNull();
  });

  it('tells of a value that is not finite, wherever it is', () => {
    for (let shard = 0; shard < 4; shard++) {
      const tree = new TreeSum(4);
      for (let at = 0; at < 4; at++) {
        const gradient = Float32Array.of(1, at === shard ? Number.NaN : 1);
        tree.add(at, 1, { gradient, lossSum: 0, correct: 0 });
      }
      expect(tree.total?.gradient).toEqual(Float32Array.of(4, Number.NaN));
    }
  });
});

function randomPart(shard: number): PartialSum {
  const random = createRandom(1, 'parts', shard);
  const gradient = Float32Array.from({ length: 33 }, () => {
    return (random.uniform() - 0.5) * 10 ** random.below(8);
  });
  return { gradient, lossSum: Math.exp(8 * random.uniform()), correct: random.below(64) };
}

/** The definition: the sum of a run is the sum of its left half plus the sum of its right half. */
function treeOf(run: readonly PartialSum[]): PartialSum {
  if (run.length === 1) return copyOf(run[0]);
  const half = run.length / 2;
  return plus(treeOf(run.slice(0, half)), treeOf(run.slice(half)));
}

function plus(one: PartialSum, other: PartialSum): PartialSum {
  return {
    gradient: one.gradient.map((value, at) => Math.fround(value + other.gradient[at])),
    lossSum: one.lossSum + other.lossSum,
    correct: one.correct + other.correct,
  };
}

function copyOf(part: PartialSum): PartialSum {
  return { ...part, gradient: part.gradient.slice() };
}

function bitsOf(sum: PartialSum | null | undefined): string {
  if (!sum) throw new Error('there is no sum');
  const scalars = Float64Array.of(sum.lossSum, sum.correct);
  return [sum.gradient, scalars].map(({ buffer }) => Buffer.from(buffer).toString('hex')).join(':');
}

function alignedPartitions(start: number, length: number): ShardRun[][] {
  if (length === 1) return [[{ start, length }]];
  const half = length / 2;
  const split = alignedPartitions(start, half).flatMap((left) =>
    alignedPartitions(start + half, half).map((right) => [...left, ...right]),
  );
  return [[{ start, length }], ...split];
}

function shuffled<Item>(items: readonly Item[], seed: number): Item[] {
  return [...permutation(items.length, createRandom(seed, 'arrival'))].map((at) => items[at]);
}
