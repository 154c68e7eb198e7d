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

  it('has only the latest progress, in its place', () => {
    const log = newLog();
    const before = log.add(notice('before'));
    log.add(progress(1));
    const between = log.add(notice('between'));
    const latest = log.add(progress(2));
    expect(log.history).toEqual([before, between, latest]);
    const after = log.add(notice('after'));
    expect(log.history).toEqual([before, between, latest, after]);
    expect(log.history).toEqual([before, between, latest, after]);
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
    for (let count = 1; count <= 12_000; count++) log.add(notice(String(count)));
    expect(log.history).toHaveLength(10_000);
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

function progress(step: number): NewRunEvent {
  return {
    type: 'step',
    epoch: 1,
    step,
    stepsPerEpoch: 9,
    version: step,
    loss: 1,
    accuracy: 0.5,
    learningRate: 0.1,
    samplesPerSecond: 100,
    workers: 1,
    counters,
  };
}
