// The survey of lines, in virtual time.
import { describe, expect, it } from 'vitest';
import {
  type MeasuredLine,
  SurveyCore,
  type SurveyEffect,
  type SurveyEvent,
} from '../coordinator/survey-core.ts';

const bytes = 1e6;
const times = { gatherMs: 60_000, measureMs: 50_000, enoughMs: 4000 };

/** A worker behind a line of its own; all times in milliseconds. */
interface Simulated {
  readonly comesAt?: number;
  readonly readyAfter?: number;
  readonly workers?: number;
  readonly latency?: number;
  /** Bytes a millisecond. */
  readonly up?: number;
  readonly down?: number;
  readonly computes?: number;
  /** What it does not answer. */
  readonly ignores?: readonly SurveyEffect['type'][];
  readonly leavesAt?: number;
}

interface Told {
  readonly at: number;
  readonly event: SurveyEvent;
}

/** Until it is over, or until nothing else would happen. */
function survey(expectWorkers: number, simulated: Readonly<Record<string, Simulated>>) {
  const core = new SurveyCore({ expectWorkers, weightsBytes: bytes, gradientBytes: bytes, times });
  const queue: Told[] = [];
  const tell = (at: number, event: SurveyEvent) => void queue.push({ at, event });
  const told: { readonly at: number; readonly effect: SurveyEffect }[] = [];
  for (const [worker, { comesAt = 0, readyAfter = 1000, workers, leavesAt }] of Object.entries(
    simulated,
  )) {
    tell(comesAt, { type: 'joined', worker, name: worker });
    const samplesPerSecond = 2000;
    if (workers === undefined)
      tell(comesAt + readyAfter, { type: 'ready', worker, samplesPerSecond });
    else tell(comesAt + readyAfter, { type: 'crew', worker, workers, samplesPerSecond });
    if (leavesAt !== undefined) tell(leavesAt, { type: 'left', worker });
  }
  const behind = new Set<string>();
  const answer = (effect: SurveyEffect, now: number): void => {
    if (!('worker' in effect)) return;
    const { worker } = effect;
    const { latency = 0, up = bytes, down = bytes, computes = 0, ignores = [] } = simulated[worker];
    if (ignores.includes(effect.type)) return;
    if (effect.type === 'ping') tell(now + latency, { type: 'pong', worker });
    if (effect.type === 'weights') behind.add(worker);
    if (effect.type !== 'lease') return;
    const arrival = behind.delete(worker) ? bytes / down : 0;
    const at = now + latency + arrival + computes + bytes / up;
    tell(at, { type: 'computed', worker, computeMs: computes });
    const { version, epoch, step, runs } = effect;
    const place = { version, epoch, step, ...runs[0], samples: 1, lossSum: 0, correct: 0 };
    tell(at, { type: 'answer', worker, answer: { ...place, gradient: new Float32Array() } });
  };
  let now = 0;
  let turns = 0;
  for (;;) {
    queue.sort((one, other) => one.at - other.at);
    const at = Math.min(queue[0]?.at ?? Number.POSITIVE_INFINITY, core.wakeAt());
    if (!Number.isFinite(at) || ++turns > 1000) return { told, lines: undefined, now };
    now = at;
    const event = queue[0]?.at === at ? queue.shift()!.event : ({ type: 'tick' } as const);
    for (const effect of core.handle(event, now)) {
      told.push({ at: now, effect });
      answer(effect, now);
      if (effect.type === 'measured') return { told, lines: effect.lines, now };
    }
  }
}

const namesOf = (lines?: readonly MeasuredLine[]) => lines?.map(({ name }) => name);

describe('a survey', () => {
  it('finds the rates of each way, the latency and nothing of what was computed', () => {
    const { lines } = survey(2, {
      thin: { latency: 30, up: 1250, down: 2500, computes: 170 },
      room: { workers: 8, up: 5000, down: 5000 },
    });
    expect(lines).toEqual([
      {
        name: 'thin',
        workers: 1,
        samplesPerSecond: 2000,
        latencySeconds: 0.03,
        upBytesPerSecond: 1.25e6,
        downBytesPerSecond: 2.5e6,
      },
      expect.objectContaining({ name: 'room', workers: 8, upBytesPerSecond: 5e6 }),
    ]);
  });

  it('begins with all at once, as soon as so many are ready as were expected', () => {
    const { told } = survey(3, {
      first: {},
      crew: { workers: 2, comesAt: 20_000, readyAfter: 3000 },
    });
    expect(told.slice(0, 3)).toEqual([
      { at: 23_000, effect: { type: 'begin', workers: 3 } },
      { at: 23_000, effect: { type: 'ping', worker: 'first' } },
      { at: 23_000, effect: { type: 'ping', worker: 'crew' } },
    ]);
  });

  it('measures a quick line four times, and a thin one once if that takes long enough', () => {
    const leasesOf = (up: number) => {
      const { told } = survey(1, { one: { up } });
      return told.filter(({ effect }) => effect.type === 'lease').length;
    };
    expect(leasesOf(1e6)).toBe(8);
    expect(leasesOf(250)).toBe(2);
  });

  it('waits for the others no longer than a minute after the first one came', () => {
    const { told, lines } = survey(2, { here: { comesAt: 500 }, absent: { comesAt: 1e6 } });
    expect(told[0]).toEqual({ at: 60_500, effect: { type: 'begin', workers: 1 } });
    expect(namesOf(lines)).toEqual(['here']);
  });

  it('is not held up by who never gets ready, and says so if that was all', () => {
    const { lines, now } = survey(1, { stuck: { readyAfter: 1e6 } });
    expect([lines, now]).toEqual([[], 60_000]);
  });

  it.each(['ping', 'lease'] as const)('is not held up by who never answers a %s', (type) => {
    const { lines, now } = survey(2, { fine: {}, hung: { ignores: [type] } });
    expect(namesOf(lines)).toEqual(['fine']);
    expect(now).toBe(1000 + times.measureMs);
  });

  it('goes on without who leaves, and waits anew when nobody is left', () => {
    const { lines, now } = survey(2, { fine: {}, gone: { ignores: ['lease'], leavesAt: 9000 } });
    expect([namesOf(lines), now]).toEqual([['fine'], 9000]);
    const late = survey(2, { brief: { leavesAt: 2000 }, next: { comesAt: 100_000 } });
    expect(late.told[0].at).toBe(160_000);
  });

  it('sends away whoever sends what is no message', () => {
    const core = new SurveyCore({ expectWorkers: 2, weightsBytes: 1, gradientBytes: 1, times });
    core.handle({ type: 'joined', worker: 'w1', name: 'liar' }, 0);
    expect(core.handle({ type: 'bad-message', worker: 'w1', reason: 'malformed' }, 1)).toEqual([
      { type: 'expel', worker: 'w1', reason: 'malformed' },
    ]);
    expect(core.members.size).toBe(0);
  });
});
