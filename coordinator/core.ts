// The state machine of a run: events in, effects out. No socket, no disk, no clock, so that a simulator can
// put it through every order of events. Decisions live here; whoever calls it carries out the effects in order.
import { float32 } from '../shared/codecs/float32.ts';
import type { GradientCodec } from '../shared/codecs/rounding.ts';
import type { Plan } from '../shared/plan.ts';
import type { ShardRun } from '../shared/protocol.ts';
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
import { Crew } from './crew.ts';
import type { LeaseTimes, Member } from './membership.ts';
import { OpenStep } from './open-step.ts';
import type { RobustSum } from './shard-set.ts';
import { type TrainingOptions, TrainingState } from './training-state.ts';

export interface CoreOptions extends TrainingOptions {
  readonly leaseTimes?: LeaseTimes;
  /** How gradients travel: as this rounds them, so sums are rounded here. Nothing is lost unless told. */
  readonly gradientCodec?: GradientCodec;
  /** What sums are held in, from one step to the next. */
  readonly sums?: VectorPool;
  /** In place of a sum over the shards: then each of them is computed, and answered, by itself. */
  readonly robust?: RobustSum;
  /** Told of every answer that is used, while the weights are those that it was computed at. */
  readonly onAccepted?: (worker: string, answer: Answer) => void;
}

/** A step may take this long before its wait is worth a name. */
const namedWaitMs = 500;

export class Core {
  readonly #plan: Plan;
  readonly #training: TrainingState;
  readonly #crew: Crew<OpenStep>;
  readonly #sums: VectorPool;
  readonly #gradientCodec: GradientCodec;
  readonly #robust: RobustSum | undefined;
  #held: HoldCause = 'none';
  #pausedBy: string | undefined;
  #stopping = false;
  #ended = false;
  #effects: Effect[] = [];

  constructor({ leaseTimes, gradientCodec, sums, robust, onAccepted, ...training }: CoreOptions) {
    const { plan } = training;
    this.#plan = plan;
    this.#training = new TrainingState(training);
    this.#gradientCodec = gradientCodec ?? { codec: float32, seed: 0 };
    this.#robust = robust;
    const { weights, counters } = this.#training;
    this.#crew = new Crew({
      plan,
      parameterCount: weights.length,
      counters,
      leaseTimes,
      longestRun: robust && 1,
      givesVerdicts: this.#gradientCodec.codec.createFeedback !== undefined,
      onAccepted,
    });
    this.#sums = sums ?? new VectorPool();
  }

  /** Committed steps. */
  get version(): number {
    return this.#training.version;
  }

  /** Of the next step that opens. */
  get nextVersion(): number {
    return this.#crew.step === undefined ? this.version : this.version + 1;
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

  /** What the gradient of this run is to be added to, if its step is open and the other half of that is there. */
  beside({ version, ...run }: ShardRun & { readonly version: number }): Float32Array | undefined {
    const { step } = this.#crew;
    return step?.version === version ? step.beside(run) : undefined;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get counters(): Readonly<CoreCounters> {
    return this.#training.counters;
  }

  get members(): ReadonlyMap<string, Readonly<Member>> {
    return this.#crew.members;
  }

  /** Workers that can compute. */
  get readyCount(): number {
    return this.#crew.readyCount;
  }

  /** `now` is monotonic time in milliseconds and never goes back. */
  handle(event: CoreEvent, now: number): Effect[] {
    if (this.#ended) return [];
    this.#effects = [];
    this.#apply(event, now);
    if (this.#ended) return this.#effects;
    this.#effects.push(...this.#crew.expire(now));
    this.#advance(now);
    return this.#effects;
  }

  /** When to call again with a tick, if nothing else happens before; infinity when only an event can help. */
  wakeAt(): number {
    return this.#ended ? Number.POSITIVE_INFINITY : this.#crew.wakeAt();
  }

  waiting(now: number): WaitingCause {
    if (this.#ended) return { cause: 'none' };
    const { members, readyCount, step } = this.#crew;
    if (step === undefined) {
      if (this.#pausedBy !== undefined) return { cause: 'paused', by: this.#pausedBy };
      if (this.#held !== 'none') return { cause: this.#held };
    }
    const preparing = members.size - readyCount;
    const nobody: WaitingCause = { cause: 'workers', preparing, silent: readyCount };
    if (readyCount === 0) return nobody;
    if (step === undefined || now - step.openedAt < namedWaitMs) return { cause: 'none' };
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
      case 'stop':
        this.#stopping = true;
        return;
      case 'undo':
        return this.#end('undone', now);
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
        this.#effects.push(this.#training.checkpoint(this.#crew.step, now));
        return;
      case 'tick':
        return;
      default:
        this.#effects.push(...this.#crew.handle(event, now));
        if (this.#crew.hopeless !== undefined) this.#end('diverged', now);
    }
  }

  #openStep(now: number): OpenStep {
    const [plan, codec, robust] = [this.#plan, this.#gradientCodec, this.#robust];
    return new OpenStep(plan, codec, this.version, now, this.#sums, robust);
  }

  /** Commits what is complete, opens what comes next, and gives work to whoever is idle. */
  #advance(now: number): void {
    this.#commit(now);
    if (this.version >= this.#plan.totalSteps) return this.#end('completed', now);
    const crew = this.#crew;
    if (this.#stopping && !crew.isUnderWay) return this.#end('stopped', now);
    if (crew.step === undefined) {
      if (this.#held !== 'none' || this.#pausedBy !== undefined) return;
      crew.begin(this.#openStep(now), now);
    }
    const given = crew.give(now);
    if (given.length > 0) this.#training.startClock(now);
    this.#effects.push(...given);
  }

  #commit(now: number): void {
    const { step } = this.#crew;
    if (!step?.total) return;
    this.#effects.push(...this.#training.commit(step, step.total, now));
    step.close();
    this.#crew.endStep();
  }

  #end(reason: EndReason, now: number): void {
    this.#ended = true;
    if (this.#crew.step) this.#training.abandon(this.#crew.step);
    this.#effects.push({ type: 'end', reason, snapshot: this.#training.snapshot(now) });
  }
}
