// Measures the lines of those who are there before a run is configured, with the messages of a run: weights and a lease
// go out, a gradient comes back. As pure as the core of a run: time comes in as an argument.
import type { ShardRun } from '../shared/protocol.ts';
import type { CrewEffect, CrewEvent } from './core-types.ts';

export type SurveyEvent =
  | CrewEvent
  /** Of the answer that comes next. */
  | { readonly type: 'computed'; readonly worker: string; readonly computeMs: number }
  | { readonly type: 'pong'; readonly worker: string }
  | { readonly type: 'tick' };

export type SurveyEffect =
  | CrewEffect
  | { readonly type: 'ping'; readonly worker: string }
  /** All who are expected are here, or nobody waits for the others any longer. */
  | { readonly type: 'begin'; readonly workers: number }
  | { readonly type: 'measured'; readonly lines: readonly MeasuredLine[] };

export interface MeasuredLine {
  readonly name: string;
  /** 1, or those of a relay. */
  readonly workers: number;
  /** Of all of them, as they found out when they proved their engines. */
  readonly samplesPerSecond: number;
  /** There and back. */
  readonly latencySeconds: number;
  /** To the coordinator and from it. */
  readonly upBytesPerSecond: number;
  readonly downBytesPerSecond: number;
}

export interface SurveyCoreOptions {
  readonly expectWorkers: number;
  /** Of the payloads that travel. */
  readonly weightsBytes: number;
  readonly gradientBytes: number;
  readonly times: SurveyTimes;
}

export interface SurveyTimes {
  /** So long after the first one came it begins with those who are ready. */
  readonly gatherMs: number;
  /** So long after that it goes on with what is known. */
  readonly measureMs: number;
  /** A worker that was measured for so long is measured well enough. */
  readonly enoughMs: number;
}

export const defaultSurveyTimes: SurveyTimes = {
  gatherMs: 60_000,
  measureMs: 60_000,
  enoughMs: 2000,
};

/** The quickest of a few: in the first one, samples are fetched and engines warm up. */
const maxRounds = 4;
/** No line is quicker than the clocks. */
const shortestMs = 0.1;

/** What a round times, one after the other: a ping, weights and a gradient, a gradient at weights that are there. */
const parts = ['ping', 'both', 'up'] as const;
type Part = (typeof parts)[number];
/** Each part has a shard of its own: a relay computes none twice at the same weights. */
const runs: Readonly<Record<Exclude<Part, 'ping'>, ShardRun>> = {
  both: { start: 0, length: 1 },
  up: { start: 1, length: 1 },
};

type SubjectState =
  /** Loads its data and proves its engine. */
  | { readonly kind: 'preparing' }
  | { readonly kind: 'idle' }
  | { readonly kind: 'working'; readonly part: Part; readonly since: number };

interface Subject {
  readonly worker: string;
  readonly name: string;
  state: SubjectState;
  workers: number;
  samplesPerSecond: number;
  /** In the engine, for the answer that comes. */
  computeMs: number;
  rounds: number;
  /** Of each part, without what was computed. */
  readonly quickestMs: Record<Part, number>;
}

export class SurveyCore {
  readonly #options: SurveyCoreOptions;
  readonly #subjects = new Map<string, Subject>();
  #gatherUntil = Number.POSITIVE_INFINITY;
  #beganAt: number | undefined;
  #ended = false;
  #effects: SurveyEffect[] = [];

  constructor(options: SurveyCoreOptions) {
    this.#options = options;
  }

  get members(): ReadonlyMap<string, Readonly<Subject>> {
    return this.#subjects;
  }

  get readyCount(): number {
    return this.#ready().reduce((sum, { workers }) => sum + workers, 0);
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** `now` is monotonic time in milliseconds and never goes back. */
  handle(event: SurveyEvent, now: number): readonly SurveyEffect[] {
    if (this.#ended) return [];
    this.#effects = [];
    this.#apply(event, now);
    this.#goOn(now);
    return this.#effects;
  }

  /** When to call again with a tick, if nothing else happens before. */
  wakeAt(): number {
    if (this.#ended) return Number.POSITIVE_INFINITY;
    const { measureMs } = this.#options.times;
    return this.#beganAt === undefined ? this.#gatherUntil : this.#beganAt + measureMs;
  }

  #apply(event: SurveyEvent, now: number): void {
    if (event.type === 'tick') return;
    if (event.type === 'joined') return this.#join(event, now);
    const subject = this.#subjects.get(event.worker);
    if (subject === undefined) return;
    switch (event.type) {
      case 'ready':
        return this.#equip(subject, 1, event.samplesPerSecond);
      case 'crew':
        return this.#equip(subject, event.workers, event.samplesPerSecond);
      case 'computed':
        subject.computeMs = Math.max(0, event.computeMs);
        return;
      case 'pong':
        return this.#timed(subject, 'ping', now);
      case 'answer': {
        const { version, start } = event.answer;
        if (version !== subject.rounds) return;
        return this.#timed(subject, start === runs.both.start ? 'both' : 'up', now);
      }
      case 'left':
        return this.#remove(subject);
      case 'bad-message':
      case 'expel':
        this.#effects.push({ ...event, type: 'expel' });
        return this.#remove(subject);
      default:
        event satisfies never;
    }
  }

  #join({ worker, name }: Extract<SurveyEvent, { type: 'joined' }>, now: number): void {
    if (this.#subjects.size === 0) this.#gatherUntil = now + this.#options.times.gatherMs;
    this.#subjects.set(worker, {
      worker,
      name,
      state: { kind: 'preparing' },
      workers: 0,
      samplesPerSecond: 0,
      computeMs: 0,
      rounds: 0,
      quickestMs: {
        ping: Number.POSITIVE_INFINITY,
        both: Number.POSITIVE_INFINITY,
        up: Number.POSITIVE_INFINITY,
      },
    });
  }

  #equip(subject: Subject, workers: number, samplesPerSecond: number): void {
    subject.workers = workers;
    subject.samplesPerSecond = samplesPerSecond;
    if (subject.state.kind === 'preparing' && workers > 0) subject.state = { kind: 'idle' };
  }

  #remove({ worker }: Subject): void {
    this.#subjects.delete(worker);
    if (this.#subjects.size === 0) this.#gatherUntil = Number.POSITIVE_INFINITY;
  }

  /** What it worked on is done, unless that was something else. */
  #timed(subject: Subject, part: Part, now: number): void {
    const { state, quickestMs, computeMs } = subject;
    if (state.kind !== 'working' || state.part !== part) return;
    const tookMs = now - state.since - (part === 'ping' ? 0 : computeMs);
    quickestMs[part] = Math.min(quickestMs[part], Math.max(tookMs, 0));
    const next = parts[parts.indexOf(part) + 1];
    if (next !== undefined) return this.#start(subject, next, now);
    subject.rounds++;
    const { enoughMs } = this.#options.times;
    const isEnough = subject.rounds >= maxRounds || now - this.#beganAt! >= enoughMs;
    if (isEnough) subject.state = { kind: 'idle' };
    else this.#start(subject, 'ping', now);
  }

  #start(subject: Subject, part: Part, now: number): void {
    const { worker, rounds: version } = subject;
    subject.state = { kind: 'working', part, since: now };
    if (part === 'ping') return void this.#effects.push({ type: 'ping', worker });
    if (part === 'both') this.#effects.push({ type: 'weights', worker, version });
    const lease = { type: 'lease', worker, epoch: version, step: 0, version } as const;
    this.#effects.push({ ...lease, runs: [runs[part]] });
  }

  #goOn(now: number): void {
    const { expectWorkers, times } = this.#options;
    if (this.#beganAt === undefined) {
      if (this.readyCount < expectWorkers && now < this.#gatherUntil) return;
      this.#beganAt = now;
      this.#effects.push({ type: 'begin', workers: this.readyCount });
      // All at once, as in a step: they may share a line.
      for (const subject of this.#ready()) this.#start(subject, 'ping', now);
    }
    const isBusy = this.#ready().some(({ state }) => state.kind === 'working');
    if (isBusy && now < this.#beganAt + times.measureMs) return;
    this.#ended = true;
    const measured = this.#ready().filter(({ rounds, workers }) => rounds * workers > 0);
    this.#effects.push({ type: 'measured', lines: measured.map((one) => this.#lineOf(one)) });
  }

  #ready(): Subject[] {
    return [...this.#subjects.values()].filter(({ state }) => state.kind !== 'preparing');
  }

  #lineOf({ name, workers, samplesPerSecond, quickestMs }: Subject): MeasuredLine {
    const { ping, both, up } = quickestMs;
    const { weightsBytes, gradientBytes } = this.#options;
    const perSecond = (bytes: number, ms: number) => (1000 * bytes) / Math.max(ms, shortestMs);
    return {
      name,
      workers,
      samplesPerSecond,
      latencySeconds: ping / 1000,
      upBytesPerSecond: perSecond(gradientBytes, up - ping),
      downBytesPerSecond: perSecond(weightsBytes, both - up),
    };
  }
}
