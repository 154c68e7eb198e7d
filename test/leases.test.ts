import { describe, expect, it } from 'vitest';
import { newMember, rememberShards } from '../coordinator/membership.ts';
import { only, shardsOf, VirtualRun, workToTheEnd } from './virtual-run.ts';

describe('a step', () => {
  it('is shared by those who are there, and committed with the last answer', () => {
    const run = new VirtualRun({ workers: { a: 100, b: 100 } });
    expect(shardsOf(run.leaseOf('a'))).toEqual([0, 1, 2, 3]);
    expect(shardsOf(run.leaseOf('b'))).toEqual([4, 5, 6, 7]);
    expect(only(run.effects, 'weights')).toEqual([
      { type: 'weights', worker: 'a', version: 0 },
      { type: 'weights', worker: 'b', version: 0 },
    ]);

    run.now = 400;
    expect(only(run.answer('a'), 'commit')).toEqual([]);
    expect(only(run.answer('b'), 'commit')).toEqual([
      {
        type: 'commit',
        record: {
          version: 1,
          epoch: 0,
          step: 0,
          samples: 32,
          lossSum: 32,
          correct: 0,
          learningRate: 1,
          shards: [
            { worker: 'a', start: 0, length: 4 },
            { worker: 'b', start: 4, length: 4 },
          ],
        },
      },
    ]);
    expect(run.core.weights).toEqual(Float32Array.of(-1, -1, -1, -1));
    expect(run.leaseOf('a')).toMatchObject({ version: 1, epoch: 0, step: 1 });
  });

  it('goes on without the worker that leaves: its shards are leased again at once', () => {
    const run = new VirtualRun({ workers: { a: 100, b: 100, c: 100 } });
    const lost = shardsOf(run.leaseOf('c'));
    run.now = 300;
    run.answer('a');
    const effects = run.handle({ type: 'left', worker: 'c' });
    expect(only(effects, 'lease')).toMatchObject([{ worker: 'a', version: 0 }]);
    expect(shardsOf(run.leaseOf('a'))).toEqual(lost);
    run.answer('a');
    run.answer('b');
    expect(run.core.version).toBe(1);
  });

  it('waits for whoever comes when everybody has left', () => {
    const run = new VirtualRun({ workers: { a: 100 } });
    run.handle({ type: 'left', worker: 'a' });
    run.join('b', 100);
    expect(shardsOf(run.leaseOf('b'))).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    run.answer('b');
    expect(run.core.weights[0]).toBe(-1);
  });

  it('asks for no shard that is empty', () => {
    const run = new VirtualRun({ samples: 3, batchSize: 3, workers: { a: 100 } });
    expect(shardsOf(run.leaseOf('a'))).toEqual([2, 5, 7]);
    run.answer('a');
    expect(run.core.version).toBe(1);
  });

  it('in a thousand pieces is committed all the same, in leases that fit into a message', () => {
    const run = new VirtualRun({ samples: 600, batchSize: 600, shards: 1024, workers: { a: 1 } });
    for (let lease = 0; lease < 20 && run.core.version === 0; lease++) {
      expect(run.leaseOf('a').runs.length).toBeLessThanOrEqual(256);
      run.now += 100;
      run.answer('a');
    }
    expect(run.core.version).toBe(1);
    expect(only(run.effects, 'refuse')).toEqual([]);
  });
});

describe('a lease', () => {
  it('expires on its own clock, and its shards are open again', () => {
    const run = new VirtualRun({ workers: { a: 100 } });
    expect(run.core.wakeAt()).toBe(4000);
    expect(run.tickAt(3999)).toEqual([]);
    expect(run.tickAt(4000)).toEqual([{ type: 'late', worker: 'a', silentMs: 4000 }]);
    run.join('b', 100);
    expect(shardsOf(run.leaseOf('b'))).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('is given again to the same worker after a pause that doubles, with its weights', () => {
    const run = new VirtualRun({ workers: { a: 100 } });
    const expiries = [4000, 9000, 15_000];
    const retries = [5000, 11_000, 19_000];
    for (const [time, expiry] of expiries.entries()) {
      expect(only(run.tickAt(expiry), 'late')).toMatchObject([{ worker: 'a', silentMs: 4000 }]);
      expect(run.core.wakeAt()).toBe(retries[time]);
      expect(run.tickAt(retries[time])).toMatchObject([
        { type: 'weights', worker: 'a', version: 0 },
        { type: 'lease', worker: 'a', version: 0, runs: [{ start: 0, length: 8 }] },
      ]);
    }
    run.answer('a');
    expect(run.core.version).toBe(1);
    expect(run.core.members.get('a')?.expirations).toBe(0);
  });

  it('may still be answered after its time, as long as its shards are missing', () => {
    const run = new VirtualRun({ workers: { a: 100 } });
    run.tickAt(4000);
    expect(only(run.answer('a'), 'refuse')).toEqual([]);
    expect(run.core.version).toBe(1);
    expect(run.leaseOf('a').version).toBe(1);
  });

  it('answered after somebody else did is a duplicate, and no fault', () => {
    const run = new VirtualRun({ workers: { a: 100, b: 100, c: 300 } });
    const late = run.leaseOf('c');
    run.now = 300;
    run.answer('b');
    run.tickAt(600);
    expect(run.leaseOf('b').runs).toEqual(late.runs);
    run.answer('b');
    const effects = run.answer('c');
    expect(only(effects, 'refuse')).toEqual([{ type: 'refuse', worker: 'c', reason: 'duplicate' }]);
    expect(run.core.members.get('c')?.strikes).toBe(0);
    expect(run.core.counters).toMatchObject({ gradientsDuplicate: 1, samplesWasted: 4 });
  });

  it('answered after its step is late, and no fault', () => {
    const run = new VirtualRun({ workers: { a: 100, b: 100 } });
    const late = run.leaseOf('a');
    run.answer('b');
    run.tickAt(2000);
    run.answer('b');
    expect(run.core.version).toBe(1);
    const effects = run.answer('a', late);
    expect(only(effects, 'refuse')).toEqual([{ type: 'refuse', worker: 'a', reason: 'late' }]);
    expect(run.core.members.get('a')?.strikes).toBe(0);
    expect(run.core.counters).toMatchObject({ gradientsLate: 1, gradientsRejected: 0 });
  });

  it('counts once however often it is answered', () => {
    const run = new VirtualRun({ workers: { a: 100, b: 100 } });
    const lease = run.leaseOf('a');
    run.now = 400;
    run.answer('a');
    expect(only(run.answer('a'), 'refuse')).toMatchObject([{ reason: 'duplicate' }]);
    run.answer('b');
    expect(only(run.answer('a', lease), 'refuse')).toMatchObject([{ reason: 'duplicate' }]);
    expect(run.core.weights[0]).toBe(-1);
    expect(run.core.counters).toMatchObject({ samplesCommitted: 32, gradientsAccepted: 2 });
  });
});

describe('a second copy', () => {
  it.each(['a', 'b'])(
    'of a late shard goes to an idle worker, and the first answer wins: %s',
    (first) => {
      const run = new VirtualRun({ workers: { a: 100, b: 100 } });
      const late = run.leaseOf('b');
      expect(run.core.wakeAt()).toBe(2000);
      run.now = 400;
      run.answer('a');
      expect(run.core.wakeAt()).toBe(800);
      expect(run.tickAt(799)).toEqual([]);
      expect(only(run.tickAt(800), 'lease')).toMatchObject([{ worker: 'a', runs: late.runs }]);
      const copy = run.leaseOf('a');

      const [winner, loser] = first === 'a' ? [copy, late] : [late, copy];
      expect(only(run.answer(winner.worker, winner), 'commit')).toMatchObject([
        { record: { shards: [{ worker: 'a' }, { worker: first, ...late.runs[0] }] } },
      ]);
      expect(only(run.answer(loser.worker, loser), 'refuse')).toMatchObject([{ reason: 'late' }]);
      expect(run.core.weights[0]).toBe(-1);
    },
  );

  it('goes at once to a worker that would be done sooner', () => {
    const run = new VirtualRun({ workers: { slow: 1000 } });
    expect(only(run.join('fast', 10), 'lease')).toMatchObject([
      { worker: 'fast', runs: run.leaseOf('slow').runs },
    ]);
  });

  it('is computed by nobody who was silent, as long as there are others', () => {
    const run = new VirtualRun({ shards: 2, epochs: 5, workers: { a: 100, b: 100 } });
    run.answer('b');
    run.tickAt(200);
    run.answer('b');
    // The lease of `a` for the first step is still open, and expires.
    for (const now of [1000, 1900]) {
      run.tickAt(now);
      run.answer('b');
    }
    run.now = 2000;
    expect(only(run.answer('b'), 'lease')).toMatchObject([
      { worker: 'b', version: 4, runs: [{ start: 0, length: 2 }] },
      { worker: 'a', version: 4, runs: [{ start: 1, length: 1 }] },
    ]);
    expect(run.core.members.get('a')?.state).toMatchObject({ lease: { isProbe: true } });
  });

  it('is never followed by a third', () => {
    const run = new VirtualRun({ shards: 1, workers: { a: 50, b: 50, c: 50 } });
    expect(only(run.tickAt(150), 'lease')).toHaveLength(1);
    expect(only(run.tickAt(200), 'lease')).toEqual([]);
  });

  it('reaches a worker that gets no work otherwise, now and then, to learn its speed', () => {
    const run = new VirtualRun({ shards: 2, epochs: 1000, workers: { a: 10, b: 10, slow: 900 } });
    const leasedAt: number[] = [];
    while (run.now < 9000) {
      run.now += 20;
      const leases = only([...run.answer('a'), ...run.answer('b')], 'lease');
      if (leases.some(({ worker }) => worker === 'slow')) leasedAt.push(run.now);
    }
    // The second time when the lease of the first has expired, and a pause after it.
    expect(leasedAt).toEqual([260, 5760]);
    run.answer('slow');
    expect(run.core.members.get('slow')?.strikes).toBe(0);
  });

  it('for its speed alone takes nothing from whoever computes the same shards', () => {
    const run = new VirtualRun({ shards: 4, epochs: 1000, workers: { a: 10, slow: 900 } });
    while (run.now < 250) {
      run.now += 40;
      run.answer('a');
    }
    const before = { ...run.core.counters };
    expect(shardsOf(run.leaseOf('a'))).toEqual([0, 1, 2, 3]);
    expect(run.leaseOf('slow').runs).toEqual([{ start: 3, length: 1 }]);
    expect(only(run.answer('slow'), 'refuse')).toMatchObject([{ reason: 'duplicate' }]);
    expect(run.core.counters).toEqual({
      ...before,
      gradientsDuplicate: before.gradientsDuplicate + 1,
      samplesWasted: before.samplesWasted + 8,
    });
    expect(only(run.answer('a'), 'commit')).toHaveLength(1);
  });
});

describe('the next step', () => {
  it('is shared by those, too, whose work for the last one is not needed any more', () => {
    const run = new VirtualRun({ workers: { a: 100, b: 100 } });
    // It is four times faster than it said, and is done with a copy of all the rest before `b` is.
    run.now = 100;
    run.answer('a');
    run.now = 200;
    const effects = run.answer('a');
    expect(only(effects, 'commit')).toHaveLength(1);
    expect(only(effects, 'lease').map(({ worker }) => worker)).toEqual(['a', 'b']);
    expect(run.leaseOf('b').version).toBe(1);
  });

  it('does not rely on somebody who is late with the last one', () => {
    const run = new VirtualRun({ workers: { a: 100, late: 100 } });
    run.now = 400;
    run.answer('a');
    run.tickAt(800);
    expect(only(run.answer('a'), 'commit')).toHaveLength(1);
    expect(shardsOf(run.leaseOf('a'))).toHaveLength(8);
    expect(run.leaseOf('late').version).toBe(0);
  });
});

describe('where each shard draws from its own part of the data', () => {
  const stepsOfTwo = (sharding: 'shuffled' | 'sticky'): VirtualRun => {
    const run = new VirtualRun({ sharding, workers: { a: 100, b: 100 } });
    for (let step = 0; step < 2; step++) {
      run.now += 390;
      run.answer('b');
      run.now += 10;
      run.answer('a');
    }
    return run;
  };

  it('a worker is leased the shards that it had, also when it is not the fastest any more', () => {
    expect(shardsOf(stepsOfTwo('sticky').leaseOf('a'))).toEqual([0, 1, 2, 3]);
    expect(shardsOf(stepsOfTwo('shuffled').leaseOf('a'))).toEqual([4, 5, 6, 7]);
  });

  it('a lease of new shards says nothing of the speed, because their samples are fetched', () => {
    const run = new VirtualRun({ sharding: 'sticky', workers: { a: 100 } });
    run.now = 3000;
    run.answer('a');
    expect(run.core.members.get('a')?.shardMs).toBe(100);
    run.now += 400;
    run.answer('a');
    expect(run.core.members.get('a')?.shardMs).toBeLessThan(100);
  });

  it('what a worker had is forgotten when it has not had it for sixteen leases', () => {
    const member = newMember('a', 'a', true);
    rememberShards(member, [{ start: 0, length: 8 }]);
    for (let lease = 0; lease < 15; lease++) rememberShards(member, [{ start: 2, length: 2 }]);
    expect([...member.parts!]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    rememberShards(member, [{ start: 2, length: 2 }]);
    expect([...member.parts!]).toEqual([2, 3]);
  });
});

describe('a relay', () => {
  const crew = (run: VirtualRun, workers: number) =>
    run.handle({ type: 'crew', worker: 'relay', workers, samplesPerSecond: 40 * workers });

  it('whose workers have gone hands its shards back at once, and is given no others', () => {
    const run = new VirtualRun({ workers: { a: 100 } });
    run.handle({ type: 'joined', worker: 'relay', name: 'relay' });
    crew(run, 4);
    run.answer('a');
    expect(shardsOf(run.leaseOf('relay')).length).toBeGreaterThan(4);
    const old = run.leaseOf('relay');
    run.answer('a');
    const effects = crew(run, 0);
    expect(run.core.readyCount).toBe(1);
    expect(only(effects, 'late')).toEqual([]);
    expect(only(effects, 'lease').every(({ worker }) => worker === 'a')).toBe(true);
    while (run.core.version < 2) run.answer('a');
    expect(run.leaseOf('relay')).toBe(old);
    expect(only(run.answer('relay', old), 'refuse')[0]).toMatchObject({ reason: 'late' });
  });

  it('with more workers is as fast as it says, until that is measured', () => {
    const run = new VirtualRun({ workers: { a: 100, relay: 100 } });
    expect(shardsOf(run.leaseOf('relay'))).toHaveLength(4);
    run.now = 400;
    crew(run, 3);
    for (const worker of ['a', 'relay']) run.answer(worker);
    expect(run.leaseOf('relay').version).toBe(1);
    expect(shardsOf(run.leaseOf('relay')).length).toBeGreaterThan(4);
  });
});

describe('a team', () => {
  it.each([
    ['a worker ten times slower', { a: 10, b: 100 }],
    ['three equal ones and a slow one', { a: 10, b: 10, c: 10, d: 100 }],
    ['four different ones', { a: 10, b: 20, c: 30, d: 40 }],
  ])('with %s gets 85 percent of the sum of their speeds', (_, shardMs) => {
    const saidMs = Object.fromEntries(Object.keys(shardMs).map((worker) => [worker, 50]));
    const options = { samples: 6400, shards: 16, epochs: 1 };
    const run = new VirtualRun({ ...options, workers: saidMs });
    const elapsedMs = workToTheEnd(run, shardMs);
    expect(run.core.version).toBe(200);
    const shardsPerMs = Object.values(shardMs).reduce((sum, ms) => sum + 1 / ms, 0);
    expect((200 * 16) / elapsedMs / shardsPerMs).toBeGreaterThan(0.85);
    expect(run.core.weights[0]).toBe(-200);
  });

  it('gives its slowest few shards once it knows better', () => {
    const run = new VirtualRun({ samples: 6400, shards: 16, epochs: 1, workers: { a: 50, b: 50 } });
    workToTheEnd(run, { a: 10, b: 100 });
    const last = only(run.effects, 'lease').filter(({ version }) => version === 199);
    expect(last.map((lease) => [lease.worker, shardsOf(lease).length])).toEqual([
      ['a', 15],
      ['b', 1],
    ]);
  });
});

describe('rounds of seconds, with one shard each for two workers', () => {
  const rounds = { samples: 2000, batchSize: 200, shards: 2, epochs: 1 };

  it.each([1, 1.4, 1.9])('are done twice by nobody when one is %f times slower', (slower) => {
    const speeds = { a: 1000, b: 1000 * slower };
    const run = new VirtualRun({ ...rounds, workers: { a: 1000, b: 1000 } });
    expect(workToTheEnd(run, speeds)).toBe(10 * speeds.b);
    expect(run.core.counters).toMatchObject({ samplesCommitted: 2000, samplesWasted: 0 });
  });

  it('take as long as one worker needs for both shards when the other is as good as none', () => {
    const run = new VirtualRun({ ...rounds, workers: { a: 1000, b: 1000 } });
    const alone = 10 * 2 * 1000;
    // Once, until it is known, the first waits twice its usual time for the other.
    expect(workToTheEnd(run, { a: 1000, b: 20_000 })).toBeLessThanOrEqual(alone + 1000);
  });

  it('expire for nobody who said that they were three times as fast', () => {
    const run = new VirtualRun({ ...rounds, workers: { a: 1000, b: 1000 } });
    expect(workToTheEnd(run, { a: 3000, b: 3000 })).toBeLessThan(12 * 3000);
    expect(only(run.effects, 'late')).toEqual([]);
  });
});
