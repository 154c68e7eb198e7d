import { describe, expect, it } from 'vitest';
import { allot, type Candidate } from '../coordinator/allot.ts';
import { isAlignedRun } from '../shared/plan.ts';
import type { ShardRun } from '../shared/protocol.ts';
import { createRandom, permutation } from '../shared/random.ts';

describe('allot', () => {
  it('gives equal workers equal shares, each a run of neighbours', () => {
    expect(allot(range(16), team(10, 10, 10, 10))).toEqual([
      { worker: 'a', runs: [{ start: 0, length: 4 }] },
      { worker: 'b', runs: [{ start: 4, length: 4 }] },
      { worker: 'c', runs: [{ start: 8, length: 4 }] },
      { worker: 'd', runs: [{ start: 12, length: 4 }] },
    ]);
  });

  it('gives a worker that is ten times as fast nearly everything', () => {
    expect(allot(range(16), team(100, 10))).toEqual([
      {
        worker: 'b',
        runs: [
          { start: 0, length: 8 },
          { start: 8, length: 4 },
          { start: 12, length: 2 },
          { start: 14, length: 1 },
        ],
      },
      { worker: 'a', runs: [{ start: 15, length: 1 }] },
    ]);
  });

  it('gives nothing to a worker that would finish last with a single shard', () => {
    expect(allot(range(4), team(10, 1000)).map(({ worker }) => worker)).toEqual(['a']);
  });

  it('leaves the slowest without work where there are more workers than shards', () => {
    expect(allot([2, 5], team(9, 7, 8))).toEqual([
      { worker: 'b', runs: [{ start: 2, length: 1 }] },
      { worker: 'c', runs: [{ start: 5, length: 1 }] },
    ]);
  });

  it('gives nothing where there is nothing to give', () => {
    expect(allot([], team(1, 2))).toEqual([]);
  });

  it('says the same in whatever order the workers are named', () => {
    const workers = team(10, 10, 20, 20, 35);
    const expected = allot(range(16), workers);
    for (let seed = 0; seed < 50; seed++) {
      const order = permutation(workers.length, createRandom(seed, 'order'));
      expect(
        allot(
          range(16),
          Array.from(order, (at) => workers[at]),
        ),
      ).toEqual(expected);
    }
  });

  it('gives each shard to exactly one worker, whatever is open and whoever is there', () => {
    const random = createRandom(1, 'allot');
    for (let round = 0; round < 300; round++) {
      const open = range(64).filter(() => random.below(3) > 0);
      const speeds = range(1 + random.below(9)).map(() => 1 + random.below(50));
      const given = allot(open, team(...speeds)).flatMap(({ runs }) => runs.flatMap(shardsOf));
      expect(given.sort((a, b) => a - b)).toEqual(open);
    }
  });

  it('is done as early as any other split would be', () => {
    for (const speeds of [
      [1, 1, 1],
      [1, 2, 3],
      [3, 4, 5],
      [10, 1, 1],
      [7, 7, 50],
    ]) {
      for (let shards = 1; shards <= 12; shards++) {
        expect(finishOf(allot(range(shards), team(...speeds)), speeds)).toBe(
          earliestFinish(shards, speeds),
        );
      }
    }
  });
});

describe('a lease', () => {
  it('covers any shards with the fewest runs that are subtrees', () => {
    for (let set = 1; set < 2 ** 8; set++) {
      const shards = range(8).filter((shard) => (set >> shard) & 1);
      const [{ runs }] = allot(shards, team(10));
      expect(runs.flatMap(shardsOf).sort((a, b) => a - b)).toEqual(shards);
      expect(runs.every(({ start, length }) => isAlignedRun(start, length, 8))).toBe(true);
      expect(runs.length).toBe(fewestSubtrees(shards, 0, 8));
    }
  });

  it('of a whole step has one run for each bit of its count, where nobody has more than others', () => {
    const random = createRandom(2, 'bits');
    for (let round = 0; round < 300; round++) {
      const workers = team(...range(1 + random.below(9)).map(() => 1 + random.below(50)));
      for (const { runs } of allot(range(64), workers)) {
        const count = runs.flatMap(shardsOf).length;
        expect(runs.length).toBe(count.toString(2).replaceAll('0', '').length);
      }
    }
  });
});

describe('allot, where each shard has its own samples', () => {
  it('gives everybody what they have the samples of', () => {
    const workers = owners({ a: [[4, 5], 10], b: [[0, 1], 10], c: [[6, 7], 10], d: [[2, 3], 10] });
    expect(allot(range(8), workers)).toEqual([
      { worker: 'a', runs: [{ start: 4, length: 2 }] },
      { worker: 'b', runs: [{ start: 0, length: 2 }] },
      { worker: 'c', runs: [{ start: 6, length: 2 }] },
      { worker: 'd', runs: [{ start: 2, length: 2 }] },
    ]);
  });

  it('leaves to those who have little what others have, too', () => {
    const workers = owners({ a: [range(8), 10], b: [[4, 5, 6, 7], 10] });
    expect(allot(range(8), workers)).toEqual([
      { worker: 'a', runs: [{ start: 0, length: 4 }] },
      { worker: 'b', runs: [{ start: 4, length: 4 }] },
    ]);
  });

  it('gives a newcomer what nobody has', () => {
    const workers = owners({ a: [[2], 10], b: [[0], 10], new: [[], 10] });
    expect(allot([0, 1, 2], workers)).toContainEqual({
      worker: 'new',
      runs: [{ start: 1, length: 1 }],
    });
  });

  it('moves no shard for a difference that is noise, and does for one that is not', () => {
    const sharesAt = (b: number) => {
      const workers = owners({ a: [[0, 2], 10], b: [[1], b] });
      return allot([0, 1, 2], workers).map(({ worker, runs }) => [worker, runs.flatMap(shardsOf)]);
    };
    expect(Object.fromEntries(sharesAt(8.5))).toEqual({ a: [0, 2], b: [1] });
    expect(Object.fromEntries(sharesAt(7.5))).toEqual({ a: [2], b: [0, 1] });
  });

  it('lets nobody fetch what it could do without, not even for fewer runs', () => {
    const workers = owners({ a: [[0, 2], 10], b: [[1, 3], 10] });
    expect(allot(range(4), workers).map(({ runs }) => runs.flatMap(shardsOf))).toEqual([
      [0, 2],
      [1, 3],
    ]);
  });

  it('delays a step by no more than half a shard', () => {
    const random = createRandom(3, 'delay');
    for (let round = 0; round < 300; round++) {
      const speeds = range(2 + random.below(5)).map(() => 5 + random.below(20));
      const shards = range(1 + random.below(12));
      const workers = team(...speeds).map((one) => {
        return { ...one, parts: new Set(shards.filter(() => random.below(2) > 0)) };
      });
      const [first, ...others] = speeds;
      const earliest = earliestFinish(shards.length, [first, ...others]);
      const delay = finishOf(allot(shards, workers), speeds) - earliest;
      expect(delay).toBeLessThanOrEqual(Math.max(...speeds) / 2);
    }
  });

  it('makes thirty workers with noisy speeds fetch little more than one share each', () => {
    const random = createRandom(4, 'noise');
    const workers = range(30).map((at) => ({ worker: `w${at}`, parts: new Set<number>() }));
    for (let step = 0; step < 500; step++) {
      const noisy = workers.map((one) => ({
        ...one,
        shardMs: 10 * (0.85 + 0.3 * random.uniform()),
      }));
      for (const { worker, runs } of allot(range(32), noisy)) {
        const { parts } = workers.find((one) => one.worker === worker)!;
        for (const shard of runs.flatMap(shardsOf)) parts.add(shard);
      }
    }
    const fetched = workers.reduce((sum, { parts }) => sum + parts.size, 0);
    expect(fetched / 32).toBeLessThan(1.4);
  });
});

function owners(team: Readonly<Record<string, readonly [readonly number[], number]>>): Candidate[] {
  return Object.entries(team).map(([worker, [parts, shardMs]]) => {
    return { worker, shardMs, parts: new Set(parts) };
  });
}

/** Workers a, b, c ... by the milliseconds that a shard takes them. */
function team(...shardMs: number[]): Candidate[] {
  return shardMs.map((ms, at) => ({ worker: 'abcdefghi'[at], shardMs: ms }));
}

function range(length: number): number[] {
  return Array.from({ length }, (_, at) => at);
}

function shardsOf({ start, length }: ShardRun): number[] {
  return range(length).map((at) => start + at);
}

function finishOf(allotments: ReturnType<typeof allot>, speeds: number[]): number {
  const times = allotments.map(({ worker, runs }) => {
    return runs.flatMap(shardsOf).length * speeds['abcdefghi'.indexOf(worker)];
  });
  return Math.max(...times);
}

/** By trying all splits. */
function earliestFinish(shards: number, [first, ...others]: number[]): number {
  if (others.length === 0) return shards * first;
  const finishes = range(shards + 1).map((count) =>
    Math.max(count * first, earliestFinish(shards - count, others)),
  );
  return Math.min(...finishes);
}

/** A subtree that is wanted whole is one run; else its halves are looked at. */
function fewestSubtrees(shards: number[], start: number, length: number): number {
  const wanted = shards.filter((shard) => shard >= start && shard < start + length).length;
  if (wanted === 0) return 0;
  if (wanted === length) return 1;
  const half = length / 2;
  return fewestSubtrees(shards, start, half) + fewestSubtrees(shards, start + half, half);
}
