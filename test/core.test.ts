import { describe, expect, it } from 'vitest';
import type { Answer } from '../coordinator/core-types.ts';
import { waitingText } from '../coordinator/waiting.ts';
import { createTopK } from '../shared/codecs/topk.ts';
import { type EffectOf, only, shardsOf, VirtualRun } from './virtual-run.ts';

const pair = { workers: { a: 100, b: 100 } };

describe('an answer', () => {
  it.each<[string, string, Partial<Answer>]>([
    ['holds NaN', 'not-finite', { gradient: Float32Array.of(1, Number.NaN, 1, 1) }],
    ['holds infinity', 'not-finite', { gradient: Float32Array.of(1, 1, 1, -Infinity) }],
    ['has squares of NaN', 'not-finite', { squares: Number.NaN }],
    ['has a loss of NaN', 'not-finite', { lossSum: Number.NaN }],
    ['has an infinite loss', 'not-finite', { lossSum: Infinity }],
    ['holds 1e30', 'too-large', { gradient: Float32Array.of(1, 1e30, 1, 1) }],
    ['has a value too few', 'wrong-length', { gradient: new Float32Array(3) }],
    ['has a value too many', 'wrong-length', { gradient: new Float32Array(5) }],
    ['leaves out a sample', 'wrong-count', { samples: 15 }],
    ['makes up a sample', 'wrong-count', { samples: 17 }],
    ['is right more often than there are samples', 'wrong-count', { correct: 17 }],
    ['is for shards of somebody else', 'unknown', { start: 4 }],
    ['is for a part of its shards', 'unknown', { length: 2 }],
    ['is for shards that do not exist', 'unknown', { start: 800 }],
    ['is for weights to come', 'stale', { version: 1 }],
    ['is for weights that it never had', 'stale', { version: 77 }],
    ['is for another step', 'stale', { step: 1 }],
    ['is for another epoch', 'stale', { epoch: 1 }],
  ])('that %s is refused as %s, and touches nothing', (_, reason, changes) => {
    const run = new VirtualRun(pair);
    const refusals = only(run.lie('a', changes), 'refuse');
    expect(refusals).toEqual([{ type: 'refuse', worker: 'a', reason }]);
    expect(run.core.members.get('a')?.strikes).toBe(1);
    expect(run.core.counters).toMatchObject({ gradientsRejected: 1, gradientsAccepted: 0 });
    run.now = 400;
    for (const worker of ['b', 'a', 'b']) if (run.core.version === 0) run.answer(worker);
    expect(run.core.version).toBe(1);
    expect(run.core.weights).toEqual(Float32Array.of(-1, -1, -1, -1));
  });

  it('that is refused for its content leaves the shards to be computed again at once', () => {
    const run = new VirtualRun(pair);
    const { runs } = run.leaseOf('a');
    expect(only(run.lie('a', { samples: 3 }), 'lease')).toMatchObject([{ worker: 'a', runs }]);
  });

  it('is told whether it counts, before the next lease, where workers keep something of it', () => {
    const run = new VirtualRun({ ...pair, codec: createTopK(0.5) });
    run.now = 400;
    const [{ start, length }] = run.answersOf('a');
    const verdict = { type: 'verdict', worker: 'a', run: { version: 0, start, length } };
    expect(run.answer('a')[0]).toEqual({ ...verdict, counts: true });
    expect(run.lie('a', {})[0]).toEqual({ ...verdict, counts: false });
    const [refused] = run.lie('b', { lossSum: Number.NaN });
    expect(refused).toMatchObject({ type: 'verdict', worker: 'b', counts: false });
    const plain = new VirtualRun(pair);
    expect(only([...plain.answer('a'), ...plain.lie('a', {})], 'verdict')).toEqual([]);
  });

  it.each(['malformed', 'corrupt', 'foreign', 'wrong-length'] as const)(
    'that came to nothing on its way is refused as %s, too',
    (reason) => {
      const run = new VirtualRun(pair);
      const effects = run.handle({ type: 'bad-message', worker: 'a', reason });
      expect(effects).toEqual([{ type: 'refuse', worker: 'a', reason }]);
      expect(run.core.members.get('a')?.strikes).toBe(1);
    },
  );

  it('counts as wasted with the samples that were asked for, not those that it claims', () => {
    const run = new VirtualRun(pair);
    run.now = 400;
    run.answer('a');
    const [{ samples }] = run.answersOf('a');
    run.lie('a', { samples: Number.MAX_SAFE_INTEGER });
    expect(run.core.counters).toMatchObject({ gradientsDuplicate: 1, samplesWasted: samples });
  });

  it('from nobody known does nothing', () => {
    const run = new VirtualRun(pair);
    const [answer] = run.answersOf('a');
    expect(run.handle({ type: 'answer', worker: 'nobody', answer })).toEqual([]);
    expect(run.handle({ type: 'bad-message', worker: 'nobody', reason: 'corrupt' })).toEqual([]);
    expect(run.handle({ type: 'left', worker: 'nobody' })).toEqual([]);
  });
});

describe('a worker', () => {
  it('is expelled with its third bad message, and its shards go on to others', () => {
    const run = new VirtualRun(pair);
    const lost = shardsOf(run.leaseOf('a'));
    run.lie('a', { samples: 1 });
    run.handle({ type: 'bad-message', worker: 'a', reason: 'corrupt' });
    expect(run.lie('a', { samples: 1 }).at(-1)).toEqual({
      type: 'expel',
      worker: 'a',
      reason: 'strikes',
    });
    expect(run.core.members.has('a')).toBe(false);
    expect(run.answer('a')).toEqual([]);
    run.now = 400;
    run.answer('b');
    expect(shardsOf(run.leaseOf('b'))).toEqual(lost);
    run.answer('b');
    expect(run.core.version).toBe(1);
  });

  it('that repeats itself is expelled, once it does so more often than it is of use', () => {
    const run = new VirtualRun({ workers: { a: 100 } });
    run.answer('a');
    const lease = run.effects.find(({ type }) => type === 'lease') as EffectOf<'lease'>;
    for (let time = 0; time < 101; time++) run.answer('a', lease);
    expect(only(run.effects, 'expel')).toEqual([]);
    expect(only(run.answer('a', lease), 'expel')).toMatchObject([{ reason: 'repeats' }]);
    expect(run.core.counters).toMatchObject({ gradientsDuplicate: 101, samplesCommitted: 32 });
  });

  it('is told that it is a spare when all shards have their workers', () => {
    const run = new VirtualRun({ shards: 2, ...pair });
    expect(only(run.effects, 'standby')).toEqual([]);
    expect(only(run.join('c', 100), 'standby')).toEqual([
      { type: 'standby', worker: 'c', workers: 3 },
    ]);
    run.handle({ type: 'left', worker: 'a' });
    expect(run.leaseOf('c')).toMatchObject({ runs: [{ start: 0, length: 1 }] });
  });

  it('gets no work before it is ready', () => {
    const run = new VirtualRun();
    expect(run.handle({ type: 'joined', worker: 'a', name: 'a' })).toEqual([]);
    expect(run.core.readyCount).toBe(0);
    const ready = { type: 'ready', worker: 'a', samplesPerSecond: 40 } as const;
    expect(only(run.handle(ready), 'lease')).toHaveLength(1);
  });

  it('keeps its lease when it says twice that it is ready', () => {
    const run = new VirtualRun({ workers: { a: 100 } });
    expect(run.handle({ type: 'ready', worker: 'a', samplesPerSecond: 1 })).toEqual([]);
    run.handle({ type: 'left', worker: 'a' });
    expect(only(run.join('b', 100), 'lease')).toMatchObject([{ runs: run.leaseOf('a').runs }]);
  });
});

describe('a run', () => {
  it('tells of each epoch, and ends when all steps are done', () => {
    const run = new VirtualRun({ workers: { a: 100 } });
    for (const now of [800, 1600, 2400]) {
      run.now = now;
      run.answer('a');
    }
    expect(only(run.effects, 'end')).toEqual([]);
    run.now = 3200;
    expect(run.answer('a').map(({ type }) => type)).toEqual(['commit', 'epoch', 'end']);
    const totals = { samples: 64, lossSum: 64, correct: 0, seconds: 1.6 };
    expect(only(run.effects, 'epoch')).toMatchObject([
      { summary: { epoch: 0, ...totals }, snapshot: { version: 2, epoch: 1, step: 0 } },
      { summary: { epoch: 1, ...totals }, snapshot: { version: 4, epoch: 2, step: 0 } },
    ]);
    expect(only(run.effects, 'end')).toMatchObject([
      { reason: 'completed', snapshot: { version: 4, weights: Float32Array.of(-4, -4, -4, -4) } },
    ]);
    expect(run.core.ended).toBe(true);
    expect(run.core.wakeAt()).toBe(Number.POSITIVE_INFINITY);
    expect(run.join('b', 100)).toEqual([]);
  });

  it('ends as diverged when all workers agree that the gradient is no number', () => {
    const run = new VirtualRun(pair);
    const gradient = new Float32Array(4).fill(Number.NaN);
    run.lie('a', { gradient });
    run.lie('b', { gradient });
    run.lie('a', { gradient });
    expect(only(run.effects, 'end')).toEqual([]);
    expect(only(run.lie('a', { gradient }), 'end')).toMatchObject([
      { reason: 'diverged', snapshot: { version: 0, weights: new Float32Array(4) } },
    ]);
    expect(only(run.effects, 'expel')).toEqual([]);
  });

  it('ends as diverged when the only worker says so three times', () => {
    const run = new VirtualRun({ workers: { a: 100 } });
    for (const endings of [0, 0, 1]) {
      expect(only(run.lie('a', { lossSum: Number.NaN }), 'end')).toHaveLength(endings);
    }
    expect(only(run.effects, 'end')).toMatchObject([{ reason: 'diverged' }]);
  });

  it('asks others for what one worker finds to be no number, and only when there are none it again', () => {
    const run = new VirtualRun(pair);
    const [{ runs }] = only(run.effects, 'lease');
    expect(only(run.lie('a', { lossSum: Number.NaN }), 'lease')).toEqual([]);
    run.now = 400;
    expect(only(run.answer('b'), 'lease')).toMatchObject([{ worker: 'b', runs }]);
    const effects = run.handle({ type: 'left', worker: 'b' });
    expect(only(effects, 'lease')).toMatchObject([{ worker: 'a', runs }]);
  });

  it('goes on when one of many has something to say, whatever the others claim', () => {
    const run = new VirtualRun({ shards: 4, workers: { a: 100, b: 100, honest: 100 } });
    const nonsense = { lossSum: Number.NaN };
    for (let step = 1; step <= 3; step++) {
      for (const liar of ['a', 'b']) run.lie(liar, nonsense);
      run.now += 300;
      // Its own shard, then the others'.
      for (const _ of [1, 2]) run.answer('honest');
      expect(run.core.version).toBe(step);
    }
    expect(run.core.ended).toBe(false);
    expect([...run.core.members.keys()]).toEqual(['honest']);
    expect(run.core.weights).toEqual(Float32Array.of(-3, -3, -3, -3));
  });

  it('strikes once a step whose numbers are none, however many it sends', () => {
    // So many shards that the lease comes in several runs.
    const run = new VirtualRun({ shards: 8, workers: { a: 100, b: 300 } });
    const answers = run.answersOf('a');
    expect(answers.length).toBeGreaterThan(1);
    for (const right of answers) {
      run.handle({ type: 'answer', worker: 'a', answer: { ...right, lossSum: Number.NaN } });
    }
    expect(run.core.members.get('a')?.strikes).toBe(1);
    expect(run.core.counters.gradientsRejected).toBe(answers.length);
  });
});

describe('stop', () => {
  it('finishes the step in progress, then ends with its weights', () => {
    const run = new VirtualRun(pair);
    run.now = 400;
    run.answer('a');
    expect(run.handle({ type: 'stop' })).toEqual([]);
    const effects = run.answer('b');
    expect(effects.map(({ type }) => type)).toEqual(['commit', 'end']);
    expect(only(effects, 'end')).toMatchObject([
      { reason: 'stopped', snapshot: { version: 1, epoch: 0, step: 1 } },
    ]);
  });

  it('ends at the last whole step when nobody is left to finish this one', () => {
    const run = new VirtualRun({ workers: { a: 100 } });
    run.handle({ type: 'stop' });
    expect(run.handle({ type: 'left', worker: 'a' })).toMatchObject([
      { type: 'end', reason: 'stopped', snapshot: { version: 0 } },
    ]);
  });

  it('ends at once when nobody works', () => {
    const stopped = [{ type: 'end', reason: 'stopped', snapshot: { version: 0 } }];
    expect(new VirtualRun().handle({ type: 'stop' })).toMatchObject(stopped);
  });
});

describe('hold', () => {
  it('finishes the step in progress and opens no other until it is lifted', () => {
    const run = new VirtualRun({ workers: { a: 100 } });
    run.handle({ type: 'hold', cause: 'checkpoint' });
    expect(run.core.waiting(0)).toEqual({ cause: 'none' });
    run.now = 800;
    expect(run.answer('a').map(({ type }) => type)).toEqual(['commit']);
    expect(run.core.waiting(0)).toEqual({ cause: 'checkpoint' });
    expect(run.join('b', 100)).toEqual([]);
    const effects = run.handle({ type: 'hold', cause: 'none' });
    expect(only(effects, 'lease').map(({ worker }) => worker)).toEqual(['a', 'b']);
    expect(run.core.waiting(0)).toEqual({ cause: 'none' });
  });
});

describe('pause', () => {
  it('finishes the step in progress, names who asked, and opens no other until resume', () => {
    const run = new VirtualRun({ workers: { a: 100 } });
    run.handle({ type: 'pause', by: 'Ada' });
    expect(run.core.waiting(0)).toEqual({ cause: 'none' });
    run.now = 800;
    expect(run.answer('a').map(({ type }) => type)).toEqual(['commit']);
    const waiting = run.core.waiting(800);
    expect(waiting).toEqual({ cause: 'paused', by: 'Ada' });
    expect(waitingText(waiting, 2)).toBe('paused by Ada');
    expect(run.tickAt(60_000)).toEqual([]);
    expect(only(run.handle({ type: 'resume' }), 'lease')).toMatchObject([{ version: 1 }]);
    expect(run.core.waiting(60_000)).toEqual({ cause: 'none' });
  });

  it('and what holds training back for other reasons do not lift each other', () => {
    const run = new VirtualRun({ workers: { a: 100 } });
    run.handle({ type: 'pause', by: 'Ada' });
    run.handle({ type: 'hold', cause: 'evaluation' });
    run.answer('a');
    expect(only(run.handle({ type: 'hold', cause: 'none' }), 'lease')).toEqual([]);
    run.handle({ type: 'hold', cause: 'evaluation' });
    expect(only(run.handle({ type: 'resume' }), 'lease')).toEqual([]);
    expect(run.core.waiting(0)).toEqual({ cause: 'evaluation' });
  });

  it('does not keep a run from being stopped', () => {
    const run = new VirtualRun({ workers: { a: 100 } });
    run.handle({ type: 'pause', by: 'Ada' });
    run.answer('a');
    expect(run.handle({ type: 'stop' })).toMatchObject([{ type: 'end', reason: 'stopped' }]);
  });
});

describe('a checkpoint that is asked for', () => {
  it('is of the last commit, and counts nothing of the step in progress', () => {
    const run = new VirtualRun(pair);
    run.now = 400;
    run.answer('a');
    const [{ snapshot }] = only(run.handle({ type: 'checkpoint' }), 'checkpoint');
    expect(snapshot).toMatchObject({ version: 0, counters: { gradientsAccepted: 0 } });
    run.answer('b');
    expect(run.core.counters.gradientsAccepted).toBeGreaterThan(0);
  });
});

describe('the version of the next step that opens', () => {
  it('is not that of a step in progress', () => {
    const run = new VirtualRun({ workers: { a: 100 } });
    expect(run.core.nextVersion).toBe(1);
    run.handle({ type: 'pause', by: 'Ada' });
    run.answer('a');
    expect(run.core.nextVersion).toBe(1);
  });
});

describe('waiting', () => {
  it('is for workers while nobody can compute', () => {
    const run = new VirtualRun();
    expect(run.core.waiting(0)).toEqual({ cause: 'workers', preparing: 0, silent: 0 });
    run.handle({ type: 'joined', worker: 'a', name: 'a' });
    expect(run.core.waiting(0)).toEqual({ cause: 'workers', preparing: 1, silent: 0 });
    expect(waitingText(run.core.waiting(0), 2)).toBe(
      'waiting for workers (0 of 2, 1 getting ready)',
    );
  });

  it('is for a shard and its holder when a step takes long', () => {
    const run = new VirtualRun(pair);
    run.now = 400;
    run.answer('a');
    expect(run.core.waiting(499)).toEqual({ cause: 'none' });
    const waiting = run.core.waiting(700);
    expect(waiting).toEqual({ cause: 'shard', shard: 4, holder: "b's name", heldMs: 700 });
    expect(waitingText(waiting, 2)).toBe('waiting for shard 4 held by "b\'s name" for 0.7 s');
  });

  it('names the holder, too, when its lease has expired', () => {
    const run = new VirtualRun({ workers: { a: 100 } });
    run.tickAt(4000);
    expect(run.core.waiting(4500)).toMatchObject({ cause: 'shard', shard: 0, heldMs: 4500 });
  });

  it('is for workers, too, when all who are ready are silent since an earlier step', () => {
    const run = new VirtualRun({ workers: { a: 100, b: 100 } });
    run.now = 400;
    run.answer('a');
    run.tickAt(800);
    // With a copy of what `b` is late with.
    run.answer('a');
    run.handle({ type: 'left', worker: 'a' });
    run.tickAt(2500);
    const waiting = run.core.waiting(2500);
    expect(waiting).toEqual({ cause: 'workers', preparing: 0, silent: 1 });
    expect(waitingText(waiting, 2)).toBe('waiting for workers (0 of 2, 1 silent)');
  });

  it('is for nothing when the run has ended', () => {
    const run = new VirtualRun();
    run.handle({ type: 'stop' });
    expect(run.core.waiting(9999)).toEqual({ cause: 'none' });
  });
});
