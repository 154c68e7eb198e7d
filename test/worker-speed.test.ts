// What leases tell of a worker's speed, and what it is given for that.
import { describe, expect, it } from 'vitest';
import { shardsOf, VirtualRun } from './virtual-run.ts';

describe('a worker beside another, with a shard each', () => {
  const ofTwo = { shards: 2, epochs: 1000, workers: { a: 10, b: 10 } };
  /** A step in which b answers so many milliseconds after a. */
  const stepWith = (run: VirtualRun, behind: number): void => {
    run.now += 10;
    run.answer('a');
    run.now += behind;
    run.answer('b');
  };
  const shardsIn = (run: VirtualRun, worker: string): number => {
    const lease = run.leaseOf(worker);
    return lease.version === run.core.version ? shardsOf(lease).length : 0;
  };

  it('keeps it after one hiccup, however long, and not after two in a row', () => {
    const run = new VirtualRun(ofTwo);
    const given = [0, 0, 1000, 0, 90, 90].map((behind) => {
      stepWith(run, behind);
      return shardsIn(run, 'b');
    });
    expect(given).toEqual([1, 1, 1, 1, 1, 0]);
  });

  it('has none after one that took so long, which was its first', () => {
    const run = new VirtualRun(ofTwo);
    stepWith(run, 90);
    expect(shardsIn(run, 'b')).toBe(0);
  });

  it.each([
    ['as long as that makes it faster, and has its shard again when it is warm', [24, 21, 14], 1],
    ['no further when that does not', [24, 24], 0],
  ])('is probed in one step after the other %s', (_, probeMs, shardsOfB) => {
    const run = new VirtualRun(ofTwo);
    for (const behind of [0, 0, 90, 90]) stepWith(run, behind);
    const excluded = run.leaseOf('b');
    while (run.leaseOf('b') === excluded) {
      run.now += 15;
      run.answer('a');
    }
    for (const ms of probeMs) {
      expect([shardsIn(run, 'a'), shardsIn(run, 'b')]).toEqual([2, 1]);
      run.now += ms;
      run.answer('b');
      run.answer('a');
    }
    expect([shardsIn(run, 'a'), shardsIn(run, 'b')]).toEqual([2 - shardsOfB, shardsOfB]);
  });
});
