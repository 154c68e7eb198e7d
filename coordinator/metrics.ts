// What the run tells the world: one event a fact, progress at most a few times a second.
import { modelOf, type RunConfig } from '../shared/config.ts';
import { apiVersion, type Counters, type EpochLedger, type RunEventOf } from '../shared/events.ts';
import { Meter } from '../shared/meter.ts';
import type { Plan } from '../shared/plan.ts';
import type { Snapshot } from './checkpoint.ts';
import { Contributions, type Contributor } from './contributions.ts';
import type { EpochSummary, WaitingCause } from './core-types.ts';
import type { Evaluation } from './evaluation.ts';
import type { EventLog } from './event-log.ts';
import { EpochUses, type LedgerRecord } from './ledger.ts';
import type { Member } from './membership.ts';
import { waitingText } from './waiting.ts';
import { weightsHash } from './weights-hash.ts';
import type { Traffic, WorkerPeer } from './work-channel.ts';
import { WorkerTable } from './worker-table.ts';

export interface MetricsOptions {
  readonly log: EventLog;
  readonly run: string;
  readonly config: RunConfig;
  readonly plan: Plan;
  readonly runDirectory: string;
  readonly expectWorkers: number;
  /** Steps that were committed before the run was resumed. */
  readonly pastLedger: readonly LedgerRecord[];
  /** Those of this moment. */
  readonly counters: () => Counters;
}

export interface Ending {
  readonly reason: RunEventOf<'end'>['reason'];
  /** What went wrong on the way out. */
  readonly message?: string;
  readonly snapshot: Snapshot;
  /** Of the last evaluation. */
  readonly testAccuracy?: number;
}

type WorkerAction = RunEventOf<'worker'>['action'];
type Worker = Pick<RunEventOf<'worker'>, 'worker' | 'name' | 'kind'>;

const stepEventEveryMs = 250;
const workersEventEveryMs = 1000;
/** A room full of workers is told of more seldom: see `workersEvent`. */
const workerRowEveryMs = 25;

export class Metrics {
  readonly #options: MetricsOptions;
  readonly #meter = new Meter();
  readonly #contributions: Contributions;
  /** What each worker does, for `workers`. */
  readonly table: WorkerTable;
  /** Of the epoch in progress, and of those that are not evaluated yet, by their numbers from 0. */
  readonly #uses = new Map<number, EpochUses>();
  #nextStepEventAt = 0;
  #nextWorkersEventAt = 0;
  #waitingText = '';

  constructor(options: MetricsOptions) {
    this.#options = options;
    this.#contributions = new Contributions(options.plan);
    this.table = new WorkerTable(options.plan);
  }

  announce({ version, epoch }: Snapshot, url: string): void {
    for (const record of this.#options.pastLedger) {
      if (record.epoch === epoch) this.#usesOf(epoch).add(record);
    }
    const { log, run, config, plan, runDirectory } = this.#options;
    log.add({
      type: 'run',
      apiVersion,
      run,
      config,
      parameterCount: modelOf(config).trainableCount,
      stepsPerEpoch: plan.stepsPerEpoch,
      totalSteps: plan.totalSteps,
      url,
      runDirectory,
      fromVersion: version,
    });
  }

  /** `workers` are ready after this. */
  worker(worker: Worker, action: WorkerAction, workers: number, reason?: string): void {
    this.#options.log.add(this.table.eventOf(worker, { action, workers, reason }));
    if (action === 'left' || action === 'expelled') this.table.gone(worker.worker);
  }

  joined(peer: WorkerPeer, workers: number): void {
    this.table.joined(peer);
    this.worker(peer, 'joined', workers);
  }

  /** Tells of all workers, unless it did so a moment ago and this is not the last time. */
  workers(
    members: ReadonlyMap<string, Readonly<Member>>,
    trafficOf: (worker: string) => Traffic,
    now: number,
    isLast = false,
  ): void {
    if (now < this.#nextWorkersEventAt && !isLast) return;
    const rows = this.table.rows(members, trafficOf, now);
    // Nobody is here, and that was told when the last one left.
    if (rows.length === 0) return;
    this.#nextWorkersEventAt = now + Math.max(workersEventEveryMs, workerRowEveryMs * rows.length);
    this.#options.log.add({ type: 'workers', rows });
  }

  committed(record: LedgerRecord, workers: number, now: number): void {
    const { epoch, step, version, samples, lossSum, correct, learningRate } = record;
    const { log, plan, counters } = this.#options;
    this.#meter.add(samples, now);
    this.#contributions.add(record, (worker) => this.#contributorOf(worker));
    this.table.committed(record, now);
    const uses = this.#usesOf(epoch);
    uses.add(record);
    this.waiting({ cause: 'none' });
    if (now < this.#nextStepEventAt && version < plan.totalSteps) return;
    this.#nextStepEventAt = now + stepEventEveryMs;
    const samplesPerSecond = this.#meter.perSecond(now);
    const remainingSamples = (plan.totalSteps - version) * plan.stepSize(0);
    log.add({
      type: 'step',
      epoch: epoch + 1,
      step: step + 1,
      stepsPerEpoch: plan.stepsPerEpoch,
      version,
      loss: lossSum / samples,
      accuracy: correct / samples,
      learningRate,
      samplesPerSecond,
      ...(samplesPerSecond > 0 && { etaSeconds: remainingSamples / samplesPerSecond }),
      workers,
      contributions: this.#contributions.of(epoch),
      ledger: { seen: uses.counts.seen, twice: uses.counts.twice },
      counters: counters(),
    });
  }

  epoch(summary: EpochSummary, snapshot: Snapshot, evaluation: Evaluation, workers: number): void {
    const { epoch, samples, seconds, lossSum, correct } = summary;
    this.#options.log.add({
      type: 'epoch',
      epoch: epoch + 1,
      epochs: this.#options.config.epochs,
      version: snapshot.version,
      trainLoss: lossSum / samples,
      trainAccuracy: correct / samples,
      testLoss: evaluation.loss,
      testAccuracy: evaluation.accuracy,
      seconds,
      samples,
      samplesPerSecond: samples / seconds,
      workers,
      contributions: this.#contributions.take(epoch),
      ledger: this.#closeLedger(epoch),
      // As of its commit: evaluated, it is told of later.
      counters: { ...this.#options.counters(), ...snapshot.counters },
      weightsHash: weightsHash(snapshot.weights),
      confusion: evaluation.confusion,
    });
  }

  /** One that is gone when its step commits has a number in place of its name. */
  #contributorOf(worker: string): Contributor {
    const { name = worker, kind } = this.table.about(worker) ?? {};
    return { worker, name, ...(kind !== undefined && { kind }) };
  }

  #usesOf(epoch: number): EpochUses {
    const { plan, config } = this.#options;
    const { trainSamples } = config.shape;
    const uses = this.#uses.get(epoch) ?? new EpochUses({ ...plan, trainSamples });
    this.#uses.set(epoch, uses);
    return uses;
  }

  #closeLedger(epoch: number): EpochLedger {
    const { counts } = this.#usesOf(epoch);
    this.#uses.delete(epoch);
    return counts;
  }

  /** Tells of a wait when it begins, when its cause changes and when it ends. */
  waiting(waiting: WaitingCause): void {
    const text = waitingText(waiting, this.#options.expectWorkers);
    if (text === this.#waitingText) return;
    this.#waitingText = text;
    this.#options.log.add({ type: 'waiting', cause: waiting.cause, text });
  }

  warn(message: string): void {
    this.#options.log.add({ type: 'notice', level: 'warning', message });
  }

  end({ reason, message, snapshot, testAccuracy }: Ending): RunEventOf<'end'> {
    const { log, plan, runDirectory, counters } = this.#options;
    const { version, weights } = snapshot;
    return log.add({
      type: 'end',
      reason,
      ...(message !== undefined && { message }),
      epochs: Math.floor(version / plan.stepsPerEpoch),
      version,
      ...(testAccuracy !== undefined && { testAccuracy }),
      weightsHash: weightsHash(weights),
      runDirectory,
      counters: counters(),
    }) as RunEventOf<'end'>;
  }
}
