// Those who compute for a coordinator or a relay: who is there, what each is given of the step in progress, and what their
// answers are worth. As pure as the core: time comes in as an argument, and what is to be done goes out.
import type { Plan } from '../shared/plan.ts';
import type { RejectReason, ShardRun } from '../shared/protocol.ts';
import type { Answer, CoreCounters, CrewEffect, CrewEvent } from './core-types.ts';
import { checkGradient } from './gradient-check.ts';
import { Leases } from './leases.ts';
import {
  claimedShardMs,
  defaultLeaseTimes,
  type LeaseTimes,
  type Member,
  runKey,
} from './membership.ts';
import type { StepShards } from './step-shards.ts';

export interface CrewOptions {
  readonly plan: Plan;
  readonly parameterCount: number;
  /** Those of answers are counted here. */
  readonly counters: CoreCounters;
  readonly leaseTimes?: LeaseTimes;
  /** Nobody computes a run of more shards. */
  readonly longestRun?: number;
  /** Told of every answer that is used, while the weights are those that it was computed at. */
  readonly onAccepted?: (worker: string, answer: Answer) => void;
  /** Workers keep something of their answers, and must know which of them count. */
  readonly givesVerdicts?: boolean;
}

const maxStrikes = 3;
/** Each costs as much to look at as one that is used, so that they must not outnumber those by more. */
const maxIdleRepeats = 100;
/** Answers that honest workers give, too, when they are slow or somebody else was faster. */
const harmless: ReadonlySet<RejectReason> = new Set(['late', 'duplicate']);

export class Crew<Step extends StepShards> {
  readonly #plan: Plan;
  readonly #parameterCount: number;
  readonly #counters: CoreCounters;
  readonly #leases: Leases;
  readonly #givesVerdicts: boolean;
  readonly #onAccepted: CrewOptions['onAccepted'];
  #step: Step | undefined;
  #hopeless: ShardRun | undefined;
  #effects: CrewEffect[] = [];

  constructor(options: CrewOptions) {
    const { plan, parameterCount, counters, leaseTimes = defaultLeaseTimes } = options;
    this.#givesVerdicts = options.givesVerdicts ?? false;
    this.#onAccepted = options.onAccepted;
    this.#plan = plan;
    this.#parameterCount = parameterCount;
    this.#counters = counters;
    this.#leases = new Leases(leaseTimes, plan, options.longestRun);
  }

  get members(): ReadonlyMap<string, Readonly<Member>> {
    return this.#leases.members;
  }

  /** Those who can compute. */
  get readyCount(): number {
    return this.#leases.readyCount;
  }

  /** What they compute. */
  get step(): Step | undefined {
    return this.#step;
  }

  /** The run that, by the event handled last, nobody who is ready has usable numbers for: see `#unusable`. */
  get hopeless(): ShardRun | undefined {
    return this.#hopeless;
  }

  /** Somebody computes a shard of the step right now. */
  get isUnderWay(): boolean {
    return this.#leases.isUnderWay(this.#step);
  }

  /** The next step, once the one before is done or of no use. */
  begin(step: Step, now: number): void {
    this.#leases.freeForNextStep(now);
    this.#step = step;
  }

  /** It wants something else than before. */
  changeStep(): void {
    this.#leases.stir();
  }

  /** No step is in progress. */
  endStep(): void {
    this.#step = undefined;
  }

  /** What follows from the event alone; call `expire` and `give` after it. */
  handle(event: CrewEvent, now: number): CrewEffect[] {
    this.#effects = [];
    this.#hopeless = undefined;
    this.#apply(event, now);
    return this.#effects;
  }

  /** Takes back what was not answered in time. */
  expire(now: number): CrewEffect[] {
    return this.#leases.expire(this.#step, now);
  }

  /** Gives what the step still needs to whoever is idle. */
  give(now: number): CrewEffect[] {
    return this.#step ? this.#leases.give(this.#step, now) : [];
  }

  /** When time itself changes something; infinity when only an event can. */
  wakeAt(): number {
    return this.#leases.wakeAt(this.#step);
  }

  #apply(event: CrewEvent, now: number): void {
    const { worker } = event;
    if (event.type === 'joined') return this.#leases.add(worker, event.name);
    const member = this.#leases.members.get(worker);
    if (member === undefined) return;
    switch (event.type) {
      case 'ready':
        if (member.state.kind !== 'preparing') return;
        return this.#ready(member, event.samplesPerSecond, now);
      case 'crew':
        member.workers = event.workers;
        if (event.workers === 0) return this.#leases.rest(member, this.#step);
        return this.#ready(member, event.samplesPerSecond, now);
      case 'left':
        return this.#leases.remove(worker, this.#step);
      case 'answer':
        return this.#answer(member, event.answer, now);
      case 'bad-message':
        this.#refuse(worker, event.reason, 0);
        return this.#strike(member);
      case 'expel':
        return this.#expel(worker, event.reason, event.detail);
      default:
        event satisfies never;
    }
  }

  /** A relay says so again when others compute for it, whatever it does meanwhile. */
  #ready(member: Member, samplesPerSecond: number, now: number): void {
    const shardSamples = this.#plan.stepSize(0) / this.#plan.shards;
    member.shardMs = claimedShardMs(shardSamples, samplesPerSecond);
    member.mayBeSlow = true;
    const { kind } = member.state;
    // At another speed it may be of use where it was not.
    if (kind === 'idle') this.#leases.free(member, now);
    if (kind !== 'preparing') return;
    member.lastLeasedAt = now;
    this.#leases.free(member, now);
    const { worker } = member;
    const workers = this.readyCount;
    if (workers > this.#plan.shards) this.#effects.push({ type: 'standby', worker, workers });
  }

  #answer(member: Member, answer: Answer, now: number): void {
    const { worker } = member;
    const { version, start, length } = answer;
    const reason = this.#verdict(member, answer);
    if (member.granted.get(runKey(version, answer)) === 'answered') member.repeats++;
    else member.answers++;
    if (member.repeats > member.answers + maxIdleRepeats) return this.#expel(worker, 'repeats');
    this.#leases.settle(member, version, { start, length }, this.#step, now);
    if (this.#givesVerdicts) {
      const run = { version, start, length };
      this.#effects.push({ type: 'verdict', worker, run, counts: reason === undefined });
    }
    if (reason === undefined) {
      // The step may make something else of its memory.
      this.#onAccepted?.(worker, answer);
      this.#step?.accept(worker, answer);
      this.#counters.gradientsAccepted++;
      return;
    }
    this.#refuse(worker, reason, this.#leasedSamples(member, answer));
    if (reason === 'not-finite' || reason === 'too-large') this.#unusable(member, answer);
    else if (!harmless.has(reason)) this.#strike(member);
  }

  /** Why the answer is not used, or undefined when it is. */
  #verdict({ granted }: Member, answer: Answer): RejectReason | undefined {
    const { version, epoch, step, start, length, samples, gradient, squares, lossSum } = answer;
    const open = this.#step;
    const grant = granted.get(runKey(version, answer));
    if (grant === 'answered') return 'duplicate';
    if (open?.version !== version) return grant === undefined ? 'stale' : 'late';
    if (grant === undefined) return 'unknown';
    if (grant === 'probe') return 'duplicate';
    if (open.epoch !== epoch || open.step !== step) return 'stale';
    if (open.overlapsDone(answer)) return 'duplicate';
    if (gradient.length !== this.#parameterCount) return 'wrong-length';
    const planned = this.#plan.runSize(step, start, length);
    if (samples !== planned || answer.correct > samples) return 'wrong-count';
    return checkGradient({ gradient, squares, lossSum, samples });
  }

  /** What the worker was asked for, because what it says of itself may be any number. */
  #leasedSamples({ granted }: Member, { version, start, length }: Answer): number {
    if (!granted.has(runKey(version, { start, length }))) return 0;
    return this.#plan.runSize(this.#plan.position(version).step, start, length);
  }

  #refuse(worker: string, reason: RejectReason, samples: number): void {
    this.#effects.push({ type: 'refuse', worker, reason });
    const counters = this.#counters;
    if (reason === 'late') counters.gradientsLate++;
    else if (reason === 'duplicate') counters.gradientsDuplicate++;
    else counters.gradientsRejected++;
    counters.samplesWasted += samples;
  }

  #strike(member: Member): void {
    if (++member.strikes >= maxStrikes) this.#expel(member.worker, 'strikes');
  }

  #expel(worker: string, reason: RejectReason, detail?: string): void {
    this.#effects.push({ type: 'expel', worker, reason, ...(detail !== undefined && { detail }) });
    this.#leases.remove(worker, this.#step);
  }

  /**
   * A worker whose numbers are none may be broken, or training itself is: then all who are ready come to none, and
   * with the first to do so for the third time there is no hope. Until all were asked, one strike a step is enough.
   */
  #unusable(member: Member, { start, length }: ShardRun): void {
    const unusable = this.#step?.unusable ?? new Set();
    const isFirst = !unusable.has(member.worker);
    unusable.add(member.worker);
    const isUnanimous = this.#leases.ready.every(({ worker }) => unusable.has(worker));
    if (isUnanimous && member.strikes + 1 >= maxStrikes) this.#hopeless = { start, length };
    else if (isFirst || isUnanimous) this.#strike(member);
  }
}
