// One process of the coordinator: the core, and its effects carried out as coordinator/coordinator.ts does it.
import type { Snapshot } from '../../coordinator/checkpoint.ts';
import type { CoreEvent, Effect, EndReason } from '../../coordinator/core-types.ts';
import { LearningRates } from '../../coordinator/learning-rates.ts';
import { learningRate } from './arithmetic.ts';
import { CheckedCore, type CheckedCoreOptions } from './checked-core.ts';
import type { Draw } from './draw.ts';
import type { FromSimWorker } from './messages.ts';
import { Connection, type CoordinatorEnd, type Network, type WorkerEnd } from './network.ts';
import type { Order, Scenario } from './scenario.ts';
import type { SimArchive } from './sim-archive.ts';
import { SimMilestones } from './sim-milestones.ts';
import { effectText, eventText } from './trace-text.ts';

export interface ProcessSurroundings
  extends Pick<CheckedCoreOptions, 'world' | 'plan' | 'reference'> {
  readonly scenario: Scenario;
  readonly draw: Draw;
  readonly network: Network;
  readonly archive: SimArchive;
  /** True when the process is killed instead of carrying it out. */
  readonly onEffect: () => boolean;
  readonly onExit: (reason: EndReason, isSaved: boolean) => void;
  /** No other of the run has it. */
  readonly drawId: () => string;
}

export class CoordinatorProcess implements CoordinatorEnd {
  readonly #around: ProcessSurroundings;
  readonly #core: CheckedCore;
  readonly #rates: LearningRates;
  readonly #milestones: SimMilestones;
  readonly #startedAtMs: number;
  readonly #connections = new Map<string, Connection>();
  #liar: string | undefined;
  #isGone = false;
  /** Only the timer that was set last counts. */
  #timers = 0;
  #weights: { readonly version: number; readonly values: Float32Array } | undefined;

  constructor(start: Snapshot, around: ProcessSurroundings) {
    const { world, scenario, archive } = around;
    const { coordinator, leaseTimes } = scenario;
    this.#around = around;
    this.#startedAtMs = world.nowMs;
    this.#rates = new LearningRates({ mode: 'step' }, archive.rates);
    this.#core = new CheckedCore({
      ...around,
      ...coordinator,
      leaseTimes,
      start,
      ledger: archive.ledger,
      learningRate: (version) => learningRate(version, this.#rates.at(version)),
      isHonest: (worker) => this.#connections.get(worker)?.isHonest ?? false,
    });
    this.#milestones = new SimMilestones({
      world,
      evaluationMs: coordinator.evaluationMs,
      save: (snapshot, onDone) => archive.save(snapshot, onDone),
      onHold: (cause) => this.dispatch({ type: 'hold', cause }),
    });
  }

  start(): void {
    this.dispatch({ type: 'tick' });
  }

  /** Its machine killed it, or it has exited: nothing that it planned will be done. */
  drop(): void {
    this.#isGone = true;
    this.#milestones.drop();
    for (const connection of this.#connections.values()) connection.closeAbove();
  }

  connect(below: WorkerEnd): Connection {
    const { world, network } = this.#around;
    const worker = this.#around.drawId();
    const connection = new Connection(network, { worker, above: this, below });
    this.#connections.set(worker, connection);
    world.after(network.latencyMs, () => {
      if (!connection.isOpenAbove) return;
      this.dispatch({ type: 'joined', worker, name: worker });
      connection.sendDown({ type: 'welcome' });
    });
    return connection;
  }

  receive({ worker }: Connection, message: FromSimWorker): void {
    switch (message.type) {
      case 'ready':
        return this.dispatch({ ...message, worker });
      case 'crew': {
        const { type, workers, samplesPerSecond } = message;
        return this.dispatch({ type, worker, workers, samplesPerSecond });
      }
      case 'answer':
        return this.dispatch({ ...message, worker });
      case 'malformed':
        return this.dispatch({ type: 'bad-message', worker, reason: 'malformed' });
      case 'flood':
        return this.dispatch({ type: 'expel', worker, reason: 'flood' });
      case 'leave':
        return this.dispatch({ type: 'left', worker });
      default:
        message satisfies never;
    }
  }

  lost({ worker }: Connection): void {
    this.dispatch({ type: 'left', worker });
    this.#connections.delete(worker);
  }

  /** As coordinator/controls.ts carries it out. */
  obey(order: Order): void {
    const { world, archive, draw } = this.#around;
    switch (order.kind) {
      case 'pause':
        world.happened('paused by its owner');
        return this.dispatch({ type: 'pause', by: 'its owner' });
      case 'resume':
        return this.dispatch({ type: 'resume' });
      case 'checkpoint':
        world.happened('checkpoint asked for');
        return this.dispatch({ type: 'checkpoint' });
      case 'rate': {
        const { learningRate } = order;
        const change = { fromVersion: this.#core.nextVersion, learningRate };
        if (archive.recordRate(change)) this.#rates.add(change);
        return;
      }
      case 'expel': {
        const members = this.#core.workers;
        if (members.length === 0) return;
        world.happened('worker sent away');
        return this.dispatch({ type: 'expel', worker: draw.pick(members), reason: 'expelled' });
      }
      case 'undo': {
        const members = this.#core.workers;
        if (members.length === 0) return;
        this.#liar = draw.pick(members);
        this.dispatch({ type: 'expel', worker: this.#liar, reason: 'audit' });
        return this.dispatch({ type: 'undo' });
      }
      default:
        order satisfies never;
    }
  }

  dispatch(event: CoreEvent): void {
    if (this.#isGone) return;
    const { world, onEffect } = this.#around;
    const now = world.nowMs - this.#startedAtMs;
    world.trace?.(eventText(event));
    for (const effect of this.#core.handle(event, now)) {
      if (this.#isGone || onEffect()) return;
      world.trace?.(`  -> ${effectText(effect)}`);
      this.#perform(effect);
    }
    if (!this.#isGone) this.#setTimer(now);
  }

  #setTimer(now: number): void {
    const timer = ++this.#timers;
    const wakeAt = this.#core.wakeAt();
    if (!Number.isFinite(wakeAt)) return;
    this.#around.world.after(timerDelayMs(wakeAt - now), () => {
      if (timer === this.#timers) this.dispatch({ type: 'tick' });
    });
  }

  #perform(effect: Effect): void {
    const { archive } = this.#around;
    switch (effect.type) {
      case 'weights':
        return this.#sendWeights(effect.worker, effect.version);
      case 'lease':
        return this.#connections.get(effect.worker)?.sendDown(effect);
      case 'expel': {
        const connection = this.#connections.get(effect.worker);
        connection?.sendDown({ type: 'refused' });
        connection?.closeAbove();
        return;
      }
      case 'commit':
        return archive.append(effect.record);
      case 'epoch':
        return this.#milestones.epoch(effect.snapshot);
      case 'checkpoint':
        return this.#milestones.checkpoint(effect.snapshot);
      case 'end':
        return this.#end(effect.reason, effect.snapshot);
      case 'standby':
      case 'late':
      case 'refuse':
      // Of codecs that are not simulated.
      case 'verdict':
        return;
      default:
        effect satisfies never;
    }
  }

  #sendWeights(worker: string, version: number): void {
    if (this.#weights?.version !== version) {
      this.#weights = { version, values: this.#core.weights.slice() };
    }
    this.#connections.get(worker)?.sendDown({ type: 'weights', ...this.#weights });
  }

  #end(reason: EndReason, snapshot: Snapshot): void {
    const { archive, onExit } = this.#around;
    if (reason === 'undone') {
      return this.#milestones.whenDone(() => {
        archive.undo(this.#liar!, () => onExit(reason, true));
      });
    }
    for (const connection of this.#connections.values()) {
      connection.sendDown({ type: 'finished' });
      connection.closeAbove();
    }
    this.#milestones.checkpoint(snapshot, (isSaved) => onExit(reason, isSaved));
  }
}

const longestTimerMs = 2 ** 31 - 1;

/** What Node makes of a delay: whole milliseconds, and 1 of what is too long for it. */
function timerDelayMs(delayMs: number): number {
  return delayMs >= 1 && delayMs <= longestTimerMs ? Math.trunc(delayMs) : 1;
}
