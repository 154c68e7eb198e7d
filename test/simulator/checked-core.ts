// The core under watch: every event goes through it as in life, and after each everything is checked.
import type { Snapshot } from '../../coordinator/checkpoint.ts';
import { Core } from '../../coordinator/core.ts';
import type { CoreCounters, CoreEvent, Effect } from '../../coordinator/core-types.ts';
import type { LedgerRecord } from '../../coordinator/ledger.ts';
import type { LeaseTimes, Member } from '../../coordinator/membership.ts';
import { float32 } from '../../shared/codecs/float32.ts';
import { bytesOf } from '../../shared/codecs/memory.ts';
import { optimizer } from './arithmetic.ts';
import {
  checkCounters,
  checkSnapshot,
  checkTotals,
  checkVector,
  checkWakeAt,
  type Expectations,
} from './invariants.ts';
import { StaffWitness } from './staff-witness.ts';
import { StepWitness } from './step-witness.ts';
import { violated } from './violation.ts';
import type { World } from './world.ts';

export interface CheckedCoreOptions extends Expectations {
  readonly world: World;
  readonly start: Snapshot;
  /** As of the start. */
  readonly ledger: readonly LedgerRecord[];
  readonly leaseTimes: LeaseTimes;
  readonly checkpointEverySteps?: number;
  readonly checkpointEveryMs?: number;
  readonly learningRate: (version: number) => number;
  /** All that this worker says is true. */
  readonly isHonest: (worker: string) => boolean;
}

type EventOf<Type> = Extract<CoreEvent, { type: Type }>;
type EffectOf<Type> = Extract<Effect, { type: Type }>;

/** What stands still for longer has a named cause. */
const namelessWaitMs = 500;
const anyNumber = Number.POSITIVE_INFINITY;

export class CheckedCore {
  readonly #options: CheckedCoreOptions;
  readonly #core: Core;
  readonly #staff: StaffWitness;
  #step: StepWitness;
  readonly #committed = { samples: 0, gradients: 0 };
  /** How many steps may still be committed, once none may be opened any more. */
  #stepsLeft = { held: anyNumber, paused: anyNumber, stopping: anyNumber };
  /** When work was last given or done, or could not be given because it was held. */
  #movedAt = 0;
  #idleTicks = 0;
  #isUndone = false;

  constructor(options: CheckedCoreOptions) {
    const { world, plan, start, ledger, isHonest } = options;
    this.#options = options;
    this.#core = new Core({ ...options, optimizer });
    this.#staff = new StaffWitness(world, isHonest);
    this.#step = new StepWitness(plan, start.version);
    for (const record of ledger) this.#count(record);
  }

  get weights(): Float32Array {
    return this.#core.weights;
  }

  get workers(): readonly string[] {
    return [...this.#core.members.keys()];
  }

  get nextVersion(): number {
    const { version, nextVersion } = this.#core;
    if (nextVersion <= version && this.#step.hasBegun) violated(`step ${version} opens twice`);
    return nextVersion;
  }

  wakeAt(): number {
    return this.#core.wakeAt();
  }

  handle(event: CoreEvent, now: number): readonly Effect[] {
    const core = this.#core;
    const { ended, version, readyCount } = core;
    const before = { ...core.counters };
    const author = event.type === 'answer' ? core.members.get(event.worker) : undefined;
    const wasSuspect = author?.state.kind === 'suspect';
    const underWay = core.nextVersion - version;
    const effects = core.handle(this.#decoded(event), now);
    if (ended) return effects.length > 0 ? violated('something happened after the end') : effects;
    this.#notice(event, now, underWay);
    if (event.type === 'checkpoint' && effects.at(0)?.type !== 'checkpoint') {
      violated('a checkpoint that was asked for did not come');
    }
    if (readyCount > 0 && core.readyCount === 0) this.#options.world.happened('nobody left');
    if (event.type === 'answer' && author !== undefined) {
      const isAccepted = !effects.some(({ type }) => type === 'refuse');
      if (wasSuspect && isAccepted) this.#options.world.happened('answer of a suspect used');
      this.#checkAnswer(event, version, isAccepted);
    }
    for (const effect of effects) this.#checkEffect(effect, version);
    this.#checkCounters(before, effects);
    this.#checkHolders(effects);
    if (core.ended) {
      if (effects.at(-1)?.type !== 'end') violated('something happened after the end');
      return effects;
    }
    this.#staff.checkMembers(core.members);
    this.#checkTime(event, effects, now);
    return effects;
  }

  /** At every other version answers come as from a codec that joins them with what is beside. */
  #decoded(event: CoreEvent): CoreEvent {
    if (event.type !== 'answer' || event.answer.version % 2 === 1) return event;
    const { answer } = event;
    const gradient = new Float32Array(answer.gradient.length);
    const other = this.#core.beside(answer);
    if (other?.length !== gradient.length) return event;
    const squares = float32.join!(bytesOf(answer.gradient), gradient, other);
    return { ...event, answer: { ...answer, gradient, squares, isJoined: true } };
  }

  get #isHeld(): boolean {
    return Number.isFinite(Math.min(this.#stepsLeft.held, this.#stepsLeft.paused));
  }

  /** `underWay` steps were open before it. */
  #notice(event: CoreEvent, now: number, underWay: number): void {
    this.#staff.notice(event);
    const left = this.#stepsLeft;
    if (this.#isHeld && (event.type === 'hold' || event.type === 'resume')) this.#movedAt = now;
    if (event.type === 'undo') this.#isUndone = true;
    if (event.type === 'stop') left.stopping = Math.min(left.stopping, 1);
    if (event.type === 'pause') left.paused = Math.min(left.paused, underWay);
    if (event.type === 'resume') left.paused = anyNumber;
    if (event.type === 'hold')
      left.held = event.cause === 'none' ? anyNumber : Math.min(left.held, 1);
  }

  #checkAnswer({ worker, answer }: EventOf<'answer'>, version: number, isAccepted: boolean): void {
    const isOfUse = this.#staff.isOfUse(worker, answer);
    const isWanted = isOfUse && answer.version === version && this.#step.isMissing(answer);
    const text = `the answer of ${worker} for ${answer.start}+${answer.length}`;
    if (isAccepted) {
      if (!isWanted) violated(`${text} was accepted`);
      this.#step.accept(worker, answer);
    } else if (isWanted && this.#options.isHonest(worker)) {
      violated(`${text} was refused`);
    }
  }

  #checkEffect(effect: Effect, versionBefore: number): void {
    switch (effect.type) {
      case 'weights':
        if (effect.version !== this.#core.version) violated(`version ${effect.version} was sent`);
        return this.#staff.checkWeights(effect);
      case 'lease':
        return this.#checkLease(effect);
      case 'late':
        return this.#staff.checkLate(effect);
      case 'refuse':
        return this.#staff.checkRefusal(effect, this.#isStrike(effect));
      case 'expel':
        return this.#staff.checkExpulsion(effect);
      case 'commit':
        if (this.#core.version !== versionBefore + 1) violated(`version ${this.#core.version}`);
        return this.#checkCommit(effect.record);
      case 'epoch':
        checkTotals(effect.summary, this.#options.reference.stageAt(this.#core.version).epoch);
        return this.#checkSnapshot(effect.snapshot);
      case 'checkpoint':
        return this.#checkSnapshot(effect.snapshot);
      case 'end':
        return this.#checkEnd(effect);
    }
  }

  /** Who had no usable numbers at this step before is forgiven until all who are ready had none. */
  #isStrike({ worker, reason }: EffectOf<'refuse'>): boolean {
    if (reason !== 'not-finite' && reason !== 'too-large') return true;
    const { unusable } = this.#step;
    const isFirst = !unusable.has(worker);
    unusable.add(worker);
    return isFirst || this.#isUnanimous();
  }

  #isUnanimous(): boolean {
    return readyOnes(this.#core.members).every((worker) => this.#step.unusable.has(worker));
  }

  #checkLease(effect: EffectOf<'lease'>): void {
    const { worker } = effect;
    this.#step.checkLease(effect);
    const member = this.#core.members.get(worker);
    if (member === undefined) return violated(`${worker} was leased shards and is no member`);
    this.#staff.checkLease(effect, member);
    if (Math.min(...Object.values(this.#stepsLeft)) < 1)
      violated(`${worker} has a lease of a step too many`);
  }

  #checkCommit(record: LedgerRecord): void {
    const { plan, reference } = this.#options;
    const stage = reference.stageAt(record.version);
    this.#step.checkCommit(record, stage);
    checkVector('weights', stage.version, this.#core.weights, stage.weights);
    this.#count(record);
    this.#step = new StepWitness(plan, stage.version);
    this.#stepsLeft.held--;
    this.#stepsLeft.paused--;
    this.#stepsLeft.stopping--;
  }

  #count({ samples, shards }: LedgerRecord): void {
    this.#committed.samples += samples;
    this.#committed.gradients += shards.length;
  }

  #checkSnapshot(snapshot: Snapshot): void {
    if (snapshot.version !== this.#core.version) violated(`a snapshot of ${snapshot.version}`);
    if (snapshot.weights === this.#core.weights) violated('a snapshot shares the weights');
    checkSnapshot(snapshot, this.#options, this.#committed.samples);
  }

  #checkEnd({ reason, snapshot }: EffectOf<'end'>): void {
    const { version, members } = this.#core;
    const isComplete = version === this.#options.plan.totalSteps;
    const isMeant = {
      completed: isComplete,
      stopped: !isComplete && Number.isFinite(this.#stepsLeft.stopping),
      undone: this.#isUndone,
      diverged: this.#isUnanimous() && !readyOnes(members).some(this.#options.isHonest),
    };
    if (!isMeant[reason]) violated(`it ended as ${reason} at version ${version}`);
    this.#checkSnapshot(snapshot);
  }

  #checkCounters(before: CoreCounters, effects: readonly Effect[]): void {
    const { counters, ended } = this.#core;
    const { samples, gradients } = this.#committed;
    checkCounters({
      before,
      after: counters,
      effects,
      expected: {
        samplesCommitted: samples,
        gradientsAccepted: gradients + (ended ? 0 : this.#step.acceptedCount),
      },
      samplesPerStep: this.#options.plan.stepSize(0),
    });
  }

  #checkHolders(effects: readonly Effect[]): void {
    this.#step.countHolders(this.#core.members);
    for (const effect of effects) {
      if (effect.type !== 'lease') continue;
      if (effect.runs.some((run) => this.#step.isShared(run))) {
        this.#options.world.happened('second copy');
      }
    }
  }

  #checkTime({ type }: CoreEvent, effects: readonly Effect[], now: number): void {
    const { members } = this.#core;
    const wakeAt = this.wakeAt();
    checkWakeAt(wakeAt, members, now);
    if (!this.#isHeld) this.#step.checkIdle(members, now, wakeAt);
    const isMoving = effects.some(({ type }) => type === 'lease' || type === 'commit');
    if (this.#isHeld || isMoving) this.#movedAt = now;
    const stillMs = now - this.#movedAt;
    const isNamed = this.#core.waiting(now).cause !== 'none';
    if (!isNamed && stillMs > namelessWaitMs) violated(`for ${stillMs} ms it waits for nothing`);
    // A timer may be early by less than a millisecond, and the end of a pause may change nothing.
    this.#idleTicks = type === 'tick' && effects.length === 0 ? this.#idleTicks + 1 : 0;
    if (this.#idleTicks > 2 * (members.size + 1)) violated('it wakes up again and again');
  }
}

function readyOnes(members: ReadonlyMap<string, Readonly<Member>>): string[] {
  return [...members.values()]
    .filter(({ state }) => state.kind !== 'preparing')
    .map(({ worker }) => worker);
}
