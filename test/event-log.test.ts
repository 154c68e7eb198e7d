import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { EventLog } from '../coordinator/event-log.ts';
import { type NewRunEvent, type RunEvent, runEventSchema } from '../shared/events.ts';
import { counters, everyKind } from './terminal-events.ts';

const startedAt = Date.UTC(2025, 0, 1);

describe('the event log', () => {
  it('numbers events from 1 and dates them', () => {
    const log = newLog();
    expect(log.add(notice('one'))).toEqual({
      type: 'notice',
      seq: 1,
      time: '2025-01-01T00:00:00.000Z',
      level: 'info',
      message: 'one',
    });
    expect(log.add(notice('two'))).toMatchObject({ seq: 2, time: '2025-01-01T00:00:01.000Z' });
  });

  it('goes on where the log of a resumed run ended', () => {
    expect(newLog(41).add(notice('again')).seq).toBe(42);
  });

  it('makes events that its readers accept, of every kind', () => {
    const log = newLog();
    for (const { seq: _, time: __, ...facts } of everyKind) {
      const event = log.add(facts as NewRunEvent);
      expect(v.parse(runEventSchema, event)).toEqual(event);
    }
  });

  it('tells every listener at once, until it wants no more', () => {
    const log = newLog();
    const heard: [string, number][] = [];
    const unsubscribe = log.subscribe(({ seq }) => heard.push(['one', seq]));
    log.subscribe(({ seq }) => heard.push(['two', seq]));
    log.add(notice('first'));
    log.add(progress(1));
    unsubscribe();
    log.add(notice('third'));
    expect(heard).toEqual([
      ['one', 1],
      ['two', 1],
      ['one', 2],
      ['two', 2],
      ['two', 3],
    ]);
  });
});

describe('the history', () => {
  it('is everything that was said, in order', () => {
    const log = newLog();
    expect(log.history).toEqual([]);
    const said = [log.add(notice('one')), log.add(notice('two')), log.add(notice('three'))];
    expect(log.history).toEqual(said);
  });

  it('has the latest progress, in its place, and thins out what came before', () => {
    const log = newLog();
    const first = log.add(notice('first'));
    for (let step = 1; step <= 10_000; step++) log.add(progress(step));
    const between = log.add(notice('between'));
    log.add(progress(10_001));
    const last = log.add(notice('last'));
    const kept = log.history.filter(({ type }) => type === 'step');
    expect([first, ...kept.slice(0, -1), between, kept.at(-1), last]).toEqual(log.history);
    const steps = kept.map((event) => event.type === 'step' && event.step);
    // Every fourth of 10,001 is less than 4,000.
    expect(steps.slice(0, 3)).toEqual([1, 5, 9]);
    expect(steps).toHaveLength(2501);
    expect(steps.at(-1)).toBe(10_001);
    log.add(progress(10_002));
    log.add(progress(10_003));
    const latest = log.history.findLast(({ type }) => type === 'step');
    expect(latest).toMatchObject({ step: 10_003 });
    expect(log.history.filter(({ type }) => type === 'step')).toHaveLength(2502);
  });

  it('knows who computed of the latest progress alone', () => {
    const log = newLog();
    log.add({ ...progress(1), contributions: { w1: 64 } });
    const latest = log.add({ ...progress(2), contributions: { w1: 128 } });
    expect(log.history).toMatchObject([{ step: 1 }, { step: 2 }]);
    expect(log.history[0]).not.toHaveProperty('contributions');
    expect(log.history[1]).toBe(latest);
  });

  it('has the latest table of workers alone', () => {
    const log = newLog();
    const [, before] = [log.add({ type: 'workers', rows: [] }), log.add(notice('before'))];
    const latest = log.add({ type: 'workers', rows: [] });
    expect(log.history).toEqual([before, latest]);
  });

  it('of a resumed run begins with what was told before', () => {
    const past = [newLog().add(notice('before'))];
    const log = new EventLog({ lastSeq: 1_000_000, past });
    const after = log.add(notice('after'));
    expect(after.seq).toBe(1_000_001);
    expect(log.history).toEqual([...past, after]);
  });

  it('may begin with progress', () => {
    const log = newLog();
    const first = log.add(progress(1));
    const second = log.add(notice('after'));
    expect(log.history).toEqual([first, second]);
  });

  it('holds what its listeners heard after it was read', () => {
    const log = newLog();
    log.add(notice('before'));
    const known: RunEvent[] = [...log.history];
    log.subscribe((event) => known.push(event));
    log.add(notice('after'));
    expect(known).toEqual(log.history);
  });

  it('forgets the oldest before it fills the memory', () => {
    const log = newLog();
    const first = log.add(progress(1));
    for (let count = 2; count <= 12_000; count++) log.add(notice(String(count)));
    expect(log.history).toHaveLength(10_000);
    // The curves are drawn from it.
    expect(log.history[0]).toEqual(first);
    expect(log.history.at(-1)).toMatchObject({ seq: 12_000, message: '12000' });
  });
});

/** A second passes between two events. */
function newLog(lastSeq = 0): EventLog {
  let seconds = 0;
  return new EventLog({ lastSeq, clock: () => new Date(startedAt + 1000 * seconds++) });
}

function notice(message: string): NewRunEvent {
  return { type: 'notice', level: 'info', message };
}

function progress(step: number) {
  return {
    type: 'step' as const,
    epoch: 1,
    step,
    stepsPerEpoch: 9,
    version: step,
    loss: 1,
    accuracy: 0.5,
    learningRate: 0.1,
    samplesPerSecond: 100,
    workers: 1,
    ledger: { seen: step, twice: 0 },
    counters,
  };
}
