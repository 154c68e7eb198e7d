// The state machine of a run: events in, effects out. No socket, no disk, no clock, so that a simulator can
// put it through every order of events. Decisions live here; whoever calls it carries out the effects in order.
import type { GradientCodec } from '../shared/codecs/rounding.ts';
import type { Plan } from '../shared/plan.ts';
import type { RejectReason } from '../shared/protocol.ts';
import { VectorPool } from '../shared/vectors/pool.ts';
import type {
  Answer,
  CoreCounters,
  CoreEvent,
  Effect,
  EndReason,
  HoldCause,
  WaitingCause,
} from './core-types.ts';
import { checkGradient } from './gradient-check.ts';
import { Leases } from './leases.ts';
import {
  claimedShardMs,
  defaultLeaseTimes,
  type LeaseTimes,
  type Member,
  runKey,
} from './membership.ts';
import { OpenStep } from './open-step.ts';
import type { RobustSum } from './shard-set.ts';
import { type TrainingOptions, TrainingState } from './training-state.ts';

export interface CoreOptions extends TrainingOptions {
  readonly leaseTimes?: LeaseTimes;
  /** How gradients travel: as this rounds them, so sums are rounded here. Nothing is lost unless told. */
  readonly gradientCodec?: GradientCodec;
  /** In place of a sum over the shards: then each of them is computed, and answered, by itself. */
  readonly robust?: RobustSum;
  /** Told of every answer that is used, while the weights are those that it was computed at. */
  readonly onAccepted?: (worker: string, answer: Answer) => void;
}

const maxStrikes = 3;
/** Each costs as much to look at as one that is used, so that they must not outnumber those by more. */
const maxIdleRepeats = 100;
/** Answers that honest workers give, too, when they are slow or somebody else was faster. */
const harmless: ReadonlySet<RejectReason> = new Set(['late', 'duplicate']);
/** A step may take this long before its wait is worth a name. */
const namedWaitMs = 500;

export class Core {
  readonly #plan: Plan;
  readonly #training: TrainingState;
  readonly #leases: Leases;
  /** Sums of shards, from one step to the next. */
  readonly #sums: VectorPool;
  readonly #gradientCodec: GradientCodec;
  readonly #robust: RobustSum | undefined;
  readonly #onAccepted: CoreOptions['onAccepted'];
  #step: OpenStep | undefined;
  #held: HoldCause = 'none';
  #pausedBy: string | undefined;
  #stopping = false;
  #ended = false;
  #effects: Effect[] = [];

  constructor(options: CoreOptions) {
    const {
      leaseTimes = defaultLeaseTimes,
      gradientCodec,
      robust,
      onAccepted,
      ...training
    } = options;
    this.#plan = training.plan;
    this.#training = new TrainingState(training);
    this.#gradientCodec = gradientCodec ?? { codec: 'float32', seed: 0 };
    this.#robust = robust;
    this.#onAccepted = onAccepted;
    this.#leases = new Leases(leaseTimes, this.#plan, robust && 1);
    this.#sums = new VectorPool(training.newVector);
  }

  /** Committed steps. */
  get version(): number {
    return this.#training.version;
  }

  /** Of the next step that opens. */
  get nextVersion(): number {
    return this.#step === undefined ? this.version : this.version + 1;
  }

  /** Who wants no further step to be opened, if anybody does. */
  get pausedBy(): string | undefined {
    return this.#pausedBy;
  }

  /** Weights at `version`. The next commit changes them in place. */
  get weights(): Float32Array {
    return this.#training.weights;
  }

  /** What a run is evaluated as, at `version`: the weights or their average. The next commit may change them in place. */
  evaluatedWeights(): Float32Array {
    return this.#training.evaluatedWeights();
  }

  get ended(): boolean {
    return this.#ended;
  }

  get counters(): Readonly<CoreCounters> {
    return this.#training.counters;
  }

  get members(): ReadonlyMap<string, Readonly<Member>> {
    return this.#leases.members;
  }

  /** Workers that can compute. */
  get readyCount(): number {
    return this.#leases.readyCount;
  }

  /** `now` is monotonic time in milliseconds and never goes back. */
  handle(event: CoreEvent, now: number): Effect[] {
    if (this.#ended) return [];
    this.#effects = [];
    this.#apply(event, now);
    if (this.#ended) return this.#effects;
    this.#effects.push(...this.#leases.expire(this.#step, now));
    this.#advance(now);
    return this.#effects;
  }

  /** When to call again with a tick, if nothing else happens before; infinity when only an event can help. */
  wakeAt(): number {
    return this.#ended ? Number.POSITIVE_INFINITY : this.#leases.wakeAt(this.#step);
  }

  waiting(now: number): WaitingCause {
    if (this.#ended) return { cause: 'none' };
    const { members, readyCount } = this.#leases;
    if (this.#step === undefined) {
      if (this.#pausedBy !== undefined) return { cause: 'paused', by: this.#pausedBy };
      if (this.#held !== 'none') return { cause: this.#held };
    }
    const preparing = members.size - readyCount;
    const nobody: WaitingCause = { cause: 'workers', preparing, silent: readyCount };
    if (readyCount === 0) return nobody;
    if (this.#step === undefined || now - this.#step.openedAt < namedWaitMs)
      return { cause: 'none' };
    for (const { name, state } of members.values()) {
      if (state.kind !== 'working' && state.kind !== 'suspect') continue;
      const { version, pending, issuedAt, isProbe } = state.lease;
      if (version !== this.version || pending.length === 0 || isProbe) continue;
      return { cause: 'shard', shard: pending[0].start, holder: name, heldMs: now - issuedAt };
    }
    // Whoever is ready is silent since an earlier step.
    return nobody;
  }

  #apply(event: CoreEvent, now: number): void {
    switch (event.type) {
      case 'joined':
        return this.#leases.add(event.worker, event.name);
      case 'ready':
        return this.#ready(event.worker, event.samplesPerSecond, now);
      case 'left':
        return this.#leases.remove(event.worker, this.#step);
      case 'answer':
        return this.#answer(event.worker, event.answer, now);
      case 'bad-message':
        return this.#refuse(event.worker, event.reason, 0, now);
      case 'expel':
        return this.#expel(event.worker, event.reason, event.detail);
      case 'stop':
        this.#stopping = true;
        return;
      case 'hold':
        this.#held = event.cause;
        return;
      case 'pause':
        this.#pausedBy = event.by;
        return;
      case 'resume':
        this.#pausedBy = undefined;
        return;
      case 'checkpoint':
        this.#effects.push(this.#training.checkpoint(this.#step, now));
        return;
      case 'tick':
        return;
      default:
        event satisfies never;
    }
  }

  #ready(worker: string, samplesPerSecond: number, now: number): void {
    const member = this.#leases.members.get(worker);
    if (member?.state.kind !== 'preparing') return;
    const shardSamples = this.#plan.stepSize(0) / this.#plan.shards;
    member.state = { kind: 'idle' };
    member.shardMs = claimedShardMs(shardSamples, samplesPerSecond);
    member.lastLeasedAt = now;
    const workers = this.readyCount;
    if (workers > this.#plan.shards) this.#effects.push({ type: 'standby', worker, workers });
  }

  #answer(worker: string, answer: Answer, now: number): void {
    const member = this.#leases.members.get(worker);
    if (member === undefined) return;
    const { version, start, length, gradient, lossSum, correct } = answer;
    const reason = this.#verdict(member, answer);
    if (member.granted.get(runKey(version, answer)) === 'answered') member.repeats++;
    else member.answers++;
    if (member.repeats > member.answers + maxIdleRepeats) return this.#expel(worker, 'repeats');
    this.#leases.settle(member, version, { start, length }, this.#step, now);
    if (reason !== undefined) {
      return this.#refuse(worker, reason, this.#leasedSamples(member, answer), now);
    }
    this.#step?.accept({ start, length, worker }, { gradient, lossSum, correct });
    this.#training.counters.gradientsAccepted++;
    this.#onAccepted?.(worker, answer);
  }

  /** Why the answer is not used, or undefined when it is. */
  #verdict({ granted }: Member, answer: Answer): RejectReason | undefined {
    const { version, epoch, step, start, length, samples, gradient, lossSum } = answer;
    const open = this.#step;
    const grant = granted.get(runKey(version, answer));
    if (grant === 'answered') return 'duplicate';
    if (open?.version !== version) return grant === undefined ? 'stale' : 'late';
    if (grant === undefined) return 'unknown';
    if (grant === 'probe') return 'duplicate';
    if (open.epoch !== epoch || open.step !== step) return 'stale';
    if (open.overlapsDone(answer)) return 'duplicate';
    if (gradient.length !== this.weights.length) return 'wrong-length';
    const planned = this.#plan.runSize(step, start, length);
    if (samples !== planned || answer.correct > samples) return 'wrong-count';
    return checkGradient({ gradient, lossSum, samples });
  }

  /** What the worker was asked for, because what it says of itself may be any number. */
  #leasedSamples({ granted }: Member, { version, start, length }: Answer): number {
    if (!granted.has(runKey(version, { start, length }))) return 0;
    return this.#plan.runSize(this.#plan.position(version).step, start, length);
  }

  #refuse(worker: string, reason: RejectReason, samples: number, now: number): void {
    const member = this.#leases.members.get(worker);
    if (member === undefined) return;
    this.#effects.push({ type: 'refuse', worker, reason });
    const { counters } = this.#training;
    if (reason === 'late') counters.gradientsLate++;
    else if (reason === 'duplicate') counters.gradientsDuplicate++;
    else counters.gradientsRejected++;
    counters.samplesWasted += samples;
    if (harmless.has(reason)) return;
    if (reason === 'not-finite' || reason === 'too-large') return this.#unusable(member, now);
    this.#strike(member);
  }

  #strike(member: Member): void {
    if (++member.strikes >= maxStrikes) this.#expel(member.worker, 'strikes');
  }

  #expel(worker: string, reason: RejectReason, detail?: string): void {
    if (!this.#leases.members.has(worker)) return;
    this.#effects.push({ type: 'expel', worker, reason, ...(detail !== undefined && { detail }) });
    this.#leases.remove(worker, this.#step);
  }

  /**
   * A worker whose numbers are none may be broken, or training itself is: then all who are ready come to none, and
   * the first to do so for the third time ends the run. Until all were asked, one strike a step is enough.
   */
  #unusable(member: Member, now: number): void {
    const unusable = this.#step?.unusable ?? new Set();
    const isFirst = !unusable.has(member.worker);
    unusable.add(member.worker);
    const isUnanimous = this.#leases.ready.every(({ worker }) => unusable.has(worker));
    if (isUnanimous && member.strikes + 1 >= maxStrikes) return this.#end('diverged', now);
    if (isFirst || isUnanimous) this.#strike(member);
  }

  /** Commits what is complete, opens what comes next, and gives work to whoever is idle. */
  #advance(now: number): void {
    const total = this.#step?.total;
    if (this.#step && total) {
      this.#effects.push(...this.#training.commit(this.#step, total, now));
      this.#step.close();
      this.#step = undefined;
    }
    if (this.version >= this.#plan.totalSteps) return this.#end('completed', now);
    if (this.#stopping && !this.#leases.isUnderWay(this.#step)) return this.#end('stopped', now);
    const mayOpen = this.#held === 'none' && this.#pausedBy === undefined;
    if (!mayOpen && this.#step === undefined) return;
    if (this.#step === undefined) {
      this.#leases.freeForNextStep(now);
      this.#step = new OpenStep(
        this.#plan,
        this.#gradientCodec,
        this.version,
        now,
        this.#sums,
        this.#robust,
      );
    }
    const given = this.#leases.give(this.#step, now);
    if (given.length > 0) this.#training.startClock(now);
    this.#effects.push(...given);
  }

  #end(reason: EndReason, now: number): void {
    this.#ended = true;
    if (this.#step) this.#training.abandon(this.#step);
    this.#effects.push({ type: 'end', reason, snapshot: this.#training.snapshot(now) });
  }
}
