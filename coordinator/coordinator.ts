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
import { CrewDesk, type CrewWatcher, type WeightsMessage } from './crew-desk.ts';
import { createDataBlocks } from './data-blocks.ts';
import { drive } from './drive.ts';
import type { Evaluation } from './evaluation.ts';
import type { EventLog } from './event-log.ts';
import { type Gate, openGate } from './gate.ts';
import { joinTokenRoute } from './join-token-route.ts';
import { LearningRates } from './learning-rates.ts';
import { defaultLimits, type Limits } from './limits.ts';
import { Metrics } from './metrics.ts';
import { Milestones } from './milestones.ts';
import type { OpenPort, TlsIdentity } from './open-port.ts';
import { ownUrls } from './own-url.ts';
import { type Pages, pageRoute } from './pages.ts';
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
  const memory = createRunMemory({ parameterCount, codecs, config });
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
  /** Settles when the run has ended, everything is on disk and the port is free again. */
  readonly done: Promise<EndEvent>;
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
  #weights: WeightsMessage | undefined;
  #settle: (end: Promise<EndEvent>) => void = () => undefined;

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
    this.done = new Promise((resolve) => {
      this.#settle = resolve;
    });
    const plan = planOf(config);
    const rates = new LearningRates(config.sync, archive.pastRates);
    const rateFor = learningRateFor(config, plan);
    this.#core = new Core({
      ...options,
      plan,
      newVector: memory.newVector,
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
      data: data.manifest,
      gradients: { codec: codecs.gradients, decoded: memory.newVector(start.weights.length) },
      core: this.#core,
      dispatch: this.#dispatch,
      weightsAt: (version) => this.#weightsAt(version),
      termsOf: (version) => rates.ofLease(version),
      payloads: memory.payloads,
      watcher: this.#watcher(),
      onRefused: refusals.add,
      onFailure: (error) => this.#failed(error),
    });
    const [core, milestones, dispatch] = [this.#core, this.#milestones, this.#dispatch];
    this.steered = { core, milestones, rates, archive, log, dispatch };
    const audited = { ...this.steered, core, table: this.#metrics.table };
    this.#audits = options.audits && new AuditDesk(options.audits, audited);
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
      became: (worker, action, reason) =>
        metrics.worker(worker, action, this.#core.readyCount, reason),
      leased: (...lease) => metrics.table.leased(...lease),
      answered: (...answer) => metrics.table.answered(...answer),
      refused: (...refusal) => metrics.table.refused(...refusal),
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
        this.#options.archive.appendLedger(effect.record);
        return this.#metrics.committed(effect.record, this.#core.readyCount, now);
      case 'epoch':
        return this.#milestones.epoch(effect.summary, effect.snapshot);
      case 'checkpoint':
        return this.#milestones.checkpoint(effect.snapshot);
      case 'end':
        return this.#settle(this.#end(effect.reason, effect.snapshot));
      default:
        effect satisfies never;
    }
  }

  #weightsAt(version: number): WeightsMessage {
    if (this.#weights?.version !== version) {
      const payload = this.#memory.payloads.take();
      this.#codecs.weights.encode(this.#core.weights, payload, version);
      this.#weights = { type: 'weights', version, payload };
    }
    return this.#weights;
  }

  async #end(reason: EndReason, snapshot: Snapshot): Promise<EndEvent> {
    const { archive, start, linger } = this.#options;
    clearInterval(this.#lookTimer);
    const { members } = this.#core;
    this.#metrics.workers(members, this.#desk.channel.trafficOf, performance.now(), true);
    this.#desk.channel.dismissAll({ type: 'finished', reason });
    this.#refusals.close();
    await this.#audits?.close();
    const message = await this.#milestones.finish(snapshot, reason === 'completed');
    const testAccuracy = this.#milestones.testAccuracy ?? start.lastTestAccuracy;
    const end = this.#metrics.end({ reason, message, snapshot, testAccuracy });
    await archive.close();
    if (reason === 'completed') await linger?.();
    await this.#server.close();
    return end;
  }

  #failed(error: unknown): void {
    this.#metrics.warn(`a mistake inside tutti: ${error instanceof Error ? error.stack : error}`);
  }
}
