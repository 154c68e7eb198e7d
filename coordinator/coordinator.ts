// The training story, in order: an event from a socket or a timer goes through the core, and here its effects
// are carried out: messages to workers, lines in the ledger, evaluations, checkpoints, metrics.
import { loadCodecs, type RunCodecs } from '../shared/codecs/index.ts';
import {
  learningRateFor,
  modelOf,
  optimizerFor,
  planOf,
  type RunConfig,
} from '../shared/config.ts';
import type { Dataset } from '../shared/contracts.ts';
import type { RunEventOf } from '../shared/events.ts';
import type { RunArchive } from './archive.ts';
import { AuditDesk, type AuditOrder } from './audit-desk.ts';
import { type ServedBlocks, serveBlocks } from './block-route.ts';
import type { Snapshot } from './checkpoint.ts';
import { controlRoutes } from './control-routes.ts';
import { carryOut, type Steered } from './controls.ts';
import { Core } from './core.ts';
import type { CoreEvent, Effect, EndReason } from './core-types.ts';
import { CrewDesk, type CrewWatcher } from './crew-desk.ts';
import { createDataBlocks } from './data-blocks.ts';
import { Distrust, type Liars } from './distrust.ts';
import { drive } from './drive.ts';
import type { Evaluation } from './evaluation.ts';
import type { EventLog } from './event-log.ts';
import { type Gate, openGate } from './gate.ts';
import { joinTokenRoute } from './join-token-route.ts';
import { LearningRates } from './learning-rates.ts';
import type { LedgerRecord } from './ledger.ts';
import { defaultLimits, type Limits } from './limits.ts';
import { type Ending, Metrics } from './metrics.ts';
import { Milestones } from './milestones.ts';
import type { OpenPort, TlsIdentity } from './open-port.ts';
import { OutgoingWeights } from './outgoing-weights.ts';
import { ownUrls } from './own-url.ts';
import { type Pages, pageRoute } from './pages.ts';
import { lastWorkerOf } from './past-events.ts';
import { pastRunRoutes } from './past-runs.ts';
import { createRefusals, type Refusals } from './refusals.ts';
import { createRunMemory, type RunMemory } from './run-memory.ts';
import { type EdgeServer, startServer } from './server.ts';
import { robustSumOf } from './shard-set.ts';
import { Showcase } from './showcase.ts';
import { openWatchChannel } from './watch-channel.ts';
import { watchRoutes } from './watch-routes.ts';

export interface CoordinatorOptions {
  readonly run: string;
  readonly config: RunConfig;
  readonly dataset: Dataset;
  readonly archive: RunArchive;
  readonly log: EventLog;
  /** Where to go on from. */
  readonly start: Snapshot;
  /** Handed in, because engines live with the workers. May run while training goes on. */
  readonly evaluate: (weights: Float32Array) => Promise<Evaluation>;
  /** Answers are computed again with this, if at all. */
  readonly audits?: AuditOrder;
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** The port, where it is open already. */
  readonly at?: OpenPort;
  /** The address, or name, under which others reach this machine; by default the one that it listens on. */
  readonly publicHost?: string;
  /** Where others reach it, when that is not this machine at its port. */
  readonly publicUrl?: string;
  readonly tls?: TlsIdentity;
  /** Asks who comes for a token; without one everybody may come in. */
  readonly gate?: Gate;
  /** For people; nothing is decided by it. */
  readonly expectWorkers: number;
  readonly checkpointEverySteps?: number;
  readonly checkpointEveryMs?: number;
  readonly limits?: Limits;
  /** After a completed run watchers can look at it until this settles. */
  readonly linger?: () => Promise<void>;
  /** Workers of this machine may pass payloads through memory; they do unless told. */
  readonly sharedMemory?: boolean;
  /** Other sites whose pages may take part: `https://school.example`. */
  readonly origins?: readonly string[];
  /** For pages: lets others compute, and whoever may compute may pass it on. */
  readonly joinToken?: string;
  /** What browsers may ask for. */
  readonly pages?: Promise<Pages>;
  /** Folder of all runs, so that pages can compare this one with others. */
  readonly runs?: string;
}

const lookEveryMs = 250;

/** Resolves when it listens; rejects with the system's error when it cannot. */
export async function startCoordinator(options: CoordinatorOptions): Promise<Coordinator> {
  const { config, dataset, gate = openGate, limits = defaultLimits } = options;
  const { rows, columns } = config.shape;
  const data = serveBlocks(createDataBlocks(dataset.train, rows * columns));
  const codecs = await loadCodecs(config.codecs);
  const { parameterCount } = modelOf(config);
  const memory = createRunMemory({ ...options, parameterCount, codecs });
  const refusals = createRefusals((message) =>
    options.log.add({ type: 'notice', level: 'warning', message }),
  );
  const showcase = new Showcase(dataset);
  let coordinator: Coordinator | undefined;
  const server = await startServer({
    ...options,
    gate,
    maxPayloadBytes: codecs.gradients.byteLength(parameterCount),
    routes: [
      data.route,
      ...watchRoutes(options.log, limits),
      ...showcase.routes,
      ...controlRoutes({ ...options, gate }, (request) =>
        coordinator ? carryOut(request, coordinator.steered) : undefined,
      ),
      joinTokenRoute(options.joinToken),
      ...(options.runs === undefined ? [] : pastRunRoutes(options.runs, 'administer')),
      pageRoute(options.pages),
    ],
    limits,
    incoming: memory.incoming,
    onRefused: refusals.add,
  });
  coordinator = new Coordinator(options, server, data, { refusals, codecs, memory, showcase });
  return coordinator;
}

type EndEvent = RunEventOf<'end'>;

/** What it shares with the server's edge. */
interface CoordinatorParts {
  readonly refusals: Refusals;
  readonly codecs: RunCodecs;
  readonly memory: RunMemory;
  /** What pages may look at; with one of its own, nobody does. */
  readonly showcase?: Showcase;
}

export class Coordinator {
  /** For everybody else. */
  readonly url: string;
  /** For workers on this machine. */
  readonly localUrl: string;
  readonly port: number;
  /** Settles when the run has ended, everything is on disk and the port is free again. */
  readonly done: Promise<EndEvent>;
  /** Settles in place of `done`, to those who lied: the run goes on from before their lies. */
  readonly undone: Promise<Liars>;
  /** For those who administer the run. */
  readonly steered: Steered;
  readonly #options: CoordinatorOptions;
  readonly #server: EdgeServer;
  readonly #codecs: RunCodecs;
  readonly #memory: RunMemory;
  readonly #refusals: Refusals;
  readonly #desk: CrewDesk;
  readonly #core: Core;
  readonly #metrics: Metrics;
  readonly #milestones: Milestones;
  readonly #audits: AuditDesk | undefined;
  readonly #lookTimer: NodeJS.Timeout;
  readonly #dispatch: (event: CoreEvent) => void;
  readonly #distrust: Distrust;
  /** Version of the latest checkpoint. */
  #checkpointed: number;
  #weights: OutgoingWeights | undefined;
  /** Steps that nobody has been told of. */
  readonly #committed: { readonly record: LedgerRecord; readonly now: number }[] = [];
  #settle: (end: Promise<EndEvent>) => void = () => undefined;
  #settleUndone: (liars: Promise<Liars>) => void = () => undefined;

  constructor(
    options: CoordinatorOptions,
    server: EdgeServer,
    data: ServedBlocks,
    { refusals, codecs, memory, showcase = new Showcase(options.dataset) }: CoordinatorParts,
  ) {
    const { config, log, start, archive } = options;
    this.#options = options;
    this.#server = server;
    this.#codecs = codecs;
    this.#memory = memory;
    this.#refusals = refusals;
    const { url, localUrl } = ownUrls(options, server.port);
    this.url = url;
    this.localUrl = localUrl;
    this.port = server.port;
    this.#checkpointed = start.version;
    this.done = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.undone = new Promise((resolve) => {
      this.#settleUndone = resolve;
    });
    const plan = planOf(config);
    const rates = new LearningRates(config.sync, archive.pastRates);
    const rateFor = learningRateFor(config, plan);
    this.#core = new Core({
      ...options,
      plan,
      newVector: memory.newVector,
      sums: memory.sums,
      optimizer: optimizerFor(config),
      gradientCodec: { codec: codecs.gradients, seed: config.seed },
      robust: robustSumOf(config),
      ...(options.audits && { onAccepted: (...accepted) => this.#audits?.accepted(...accepted) }),
      learningRate: (version) => rateFor(version, undefined, rates.at(version)),
    });
    this.#dispatch = drive<CoreEvent, Effect>(this.#core, (effect, now) =>
      this.#perform(effect, now),
    );
    showcase.learner = this.#core;
    this.#metrics = new Metrics({
      ...options,
      plan,
      runDirectory: archive.directory,
      pastLedger: archive.pastLedger,
      counters: () => ({
        ...this.#core.counters,
        ...server.traffic(),
        dataBytesOut: data.bytesOut(),
      }),
    });
    this.#milestones = new Milestones({
      ...options,
      onHold: (cause) => this.#dispatch({ type: 'hold', cause }),
      onEvaluated: (summary, snapshot, evaluation) => {
        showcase.evaluated(summary.epoch + 1, evaluation.examples);
        this.#metrics.epoch(summary, snapshot, evaluation, this.#core.readyCount);
      },
      onFailure: (error) => this.#failed(error),
    });
    this.#desk = new CrewDesk({
      ...options,
      io: server.io,
      limits: options.limits ?? defaultLimits,
      lastWorker: lastWorkerOf(archive.pastEvents),
      data: data.manifest,
      gradients: { codec: codecs.gradients, desk: memory.desk },
      core: this.#core,
      dispatch: this.#dispatch,
      weightsAt: (version) => this.#weightsAt(version),
      termsOf: (version) => rates.ofLease(version),
      payloads: memory.payloads,
      lanes: memory.lanes,
      watcher: this.#watcher(),
      onRefused: refusals.add,
      onFailure: (error) => this.#failed(error),
    });
    const [core, milestones, dispatch] = [this.#core, this.#milestones, this.#dispatch];
    this.steered = { core, milestones, rates, archive, log, dispatch };
    const [desk, { table }] = [this.#desk, this.#metrics];
    this.#distrust = new Distrust({
      warn: (message) => this.#metrics.warn(message),
      onNews: () => options.audits?.rollsBack && dispatch({ type: 'undo' }),
    });
    this.#audits =
      options.audits &&
      new AuditDesk(options.audits, {
        ...{ core, rates, table, desk, dispatch },
        codec: codecs.weights,
        sentAt: (version) => this.#weightsAt(version).current,
        tell: (event) => log.add(event),
        convicted: (worker) => this.#distrust.convicted(worker),
      });
    openWatchChannel(server.io, log);
    this.#metrics.announce(start, this.url);
    this.#lookTimer = setInterval(() => this.#look(performance.now()), lookEveryMs);
    this.#dispatch({ type: 'tick' });
  }

  /** Finishes the step in progress and writes a checkpoint; `done` settles after that. */
  stop(): void {
    this.#dispatch({ type: 'stop' });
  }

  /** Tells what no event of the core would: that nothing happens, and what each worker does. */
  #look(now: number): void {
    this.#metrics.waiting(this.#core.waiting(now));
    this.#metrics.workers(this.#core.members, this.#desk.channel.trafficOf, now);
    this.#audits?.look(now);
  }

  #watcher(): CrewWatcher {
    const metrics = this.#metrics;
    return {
      joined: (peer) => metrics.joined(peer, this.#core.readyCount),
      equipped: (...equipment) => metrics.table.equipped(...equipment),
      became: (worker, action, reason) => {
        metrics.worker(worker, action, this.#core.readyCount, reason);
        if (action === 'ready') this.#keepBeforeNewcomer();
      },
      leased: (...lease) => metrics.table.leased(...lease),
      answered: (...answer) => metrics.table.answered(...answer),
      refused: (...refusal) => metrics.table.refused(...refusal),
      retracted: (...retraction) => this.#distrust.retracted(...retraction),
    };
  }

  #perform(effect: Effect, now: number): void {
    switch (effect.type) {
      case 'weights':
      case 'lease':
      case 'standby':
      case 'verdict':
      case 'late':
      case 'refuse':
      case 'expel':
        return this.#desk.perform(effect, now);
      case 'commit':
        this.#committed.push({ record: effect.record, now });
        // Workers wait for the weights: they come first.
        setImmediate(() => this.#account());
        return;
      case 'epoch':
        this.#account();
        this.#checkpointed = effect.snapshot.version;
        return this.#milestones.epoch(effect.summary, effect.snapshot);
      case 'checkpoint':
        this.#account();
        this.#checkpointed = effect.snapshot.version;
        return this.#milestones.checkpoint(effect.snapshot);
      case 'end':
        this.#account();
        return void this.#finish(effect.reason, effect.snapshot);
      default:
        effect satisfies never;
    }
  }

  /** Of all that is committed: writes it down, and tells of it. */
  #account(): void {
    for (const { record, now } of this.#committed.splice(0)) {
      this.#options.archive.appendLedger(record);
      this.#metrics.committed(record, this.#core.readyCount, now);
    }
  }

  #weightsAt(version: number): OutgoingWeights {
    if (this.#weights?.version !== version) {
      const { weights } = this.#core;
      this.#weights = new OutgoingWeights(version, {
        weights,
        payloadBytes: this.#memory.payloads.payloadBytes,
        encode: (payload) => this.#codecs.weights.encode(weights, payload, version),
        view: this.#codecs.weights.view,
        payloads: this.#memory.payloads,
      });
    }
    return this.#weights;
  }

  /** Should it turn out to lie, no more than what comes after this is lost with it. */
  #keepBeforeNewcomer(): void {
    const isKept = this.#core.version === this.#checkpointed || !this.#milestones.isIdle;
    if (this.#options.audits?.rollsBack && !isKept) this.#dispatch({ type: 'checkpoint' });
  }

  /** Nothing is the run's last word before the last audit. */
  async #finish(reason: EndReason, snapshot: Snapshot): Promise<void> {
    clearInterval(this.#lookTimer);
    await this.#audits?.close();
    const goesBack = this.#options.audits?.rollsBack && this.#distrust.liars.size > 0;
    if (reason === 'undone' || goesBack) this.#settleUndone(this.#retreat());
    else this.#settle(this.#end(reason, snapshot));
  }

  /** Workers are not told that anything is over: they come back by themselves, as to one that was killed. */
  async #retreat(): Promise<Liars> {
    this.#refusals.close();
    await this.#milestones.done;
    await this.#server.close();
    this.#memory.lanes?.close();
    await this.#options.archive.close();
    return this.#distrust.liars;
  }

  async #end(reason: Ending['reason'], snapshot: Snapshot): Promise<EndEvent> {
    const { archive, start, linger } = this.#options;
    const { members } = this.#core;
    this.#metrics.workers(members, this.#desk.channel.trafficOf, performance.now(), true);
    this.#desk.channel.dismissAll({ type: 'finished', reason });
    this.#refusals.close();
    const message = await this.#milestones.finish(snapshot, reason === 'completed');
    const testAccuracy = this.#milestones.testAccuracy ?? start.lastTestAccuracy;
    const end = this.#metrics.end({ reason, message, snapshot, testAccuracy });
    await archive.close();
    if (reason === 'completed') await linger?.();
    await this.#server.close();
    this.#memory.lanes?.close();
    return end;
  }

  #failed(error: unknown): void {
    this.#metrics.warn(`a mistake inside tutti: ${error instanceof Error ? error.stack : error}`);
  }
}
