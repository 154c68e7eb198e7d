// The training story, in order: an event from a socket or a timer goes through the core, and here its effects
// are carried out: messages to workers, lines in the ledger, evaluations, checkpoints, metrics.
import { codecs } from '../shared/codecs/index.ts';
import {
  gradientCodecOf,
  learningRateFor,
  modelOf,
  optimizerFor,
  planOf,
  type RunConfig,
} from '../shared/config.ts';
import type { Dataset } from '../shared/contracts.ts';
import type { RunEventOf } from '../shared/events.ts';
import { cleanName } from '../shared/names.ts';
import type { Plan } from '../shared/plan.ts';
import {
  type DataManifest,
  type FromWorker,
  rejectReasons,
  type ToWorker,
} from '../shared/protocol.ts';
import { answerEvent, type ExpectedAnswers } from './answer-event.ts';
import type { RunArchive } from './archive.ts';
import { AuditDesk, type AuditOrder } from './audit-desk.ts';
import { type ServedBlocks, serveBlocks } from './block-route.ts';
import type { Snapshot } from './checkpoint.ts';
import { controlRoutes } from './control-routes.ts';
import { carryOut, type Steered } from './controls.ts';
import { Core } from './core.ts';
import type { CoreEvent, Effect, EndReason } from './core-types.ts';
import { createDataBlocks } from './data-blocks.ts';
import type { Evaluation } from './evaluation.ts';
import type { EventLog } from './event-log.ts';
import { type Gate, openGate } from './gate.ts';
import { joinTokenRoute } from './join-token-route.ts';
import { LearningRates } from './learning-rates.ts';
import { defaultLimits, type Limits } from './limits.ts';
import { Metrics } from './metrics.ts';
import { Milestones } from './milestones.ts';
import { ownUrls } from './own-urls.ts';
import { type Pages, pageRoute } from './pages.ts';
import { createRefusals, type Refusals } from './refusals.ts';
import { createRunMemory, type RunMemory } from './run-memory.ts';
import { type EdgeServer, startServer, type TlsIdentity } from './server.ts';
import { robustSumOf } from './shard-set.ts';
import { Showcase } from './showcase.ts';
import { openWatchChannel } from './watch-channel.ts';
import { watchRoutes } from './watch-routes.ts';
import {
  openWorkChannel,
  type WorkChannel,
  type WorkerPeer,
  type WorkHandlers,
} from './work-channel.ts';

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
}

const lookEveryMs = 250;

/** Resolves when it listens; rejects with the system's error when it cannot. */
export async function startCoordinator(options: CoordinatorOptions): Promise<Coordinator> {
  const { config, dataset, gate = openGate, limits = defaultLimits } = options;
  const { rows, columns } = config.shape;
  const data = serveBlocks(createDataBlocks(dataset.train, rows * columns));
  const { byteLength } = codecs[config.codecs.gradients];
  const { parameterCount } = modelOf(config);
  const maxPayloadBytes = byteLength(parameterCount);
  const memory = createRunMemory({ parameterCount, maxPayloadBytes, config });
  const refusals = createRefusals((message) =>
    options.log.add({ type: 'notice', level: 'warning', message }),
  );
  const showcase = new Showcase(dataset);
  let coordinator: Coordinator | undefined;
  const server = await startServer({
    ...options,
    gate,
    maxPayloadBytes,
    routes: [
      data.route,
      ...watchRoutes(options.log, limits),
      ...showcase.routes,
      ...controlRoutes({ ...options, gate }, (request) =>
        coordinator ? carryOut(request, coordinator.steered) : undefined,
      ),
      joinTokenRoute(options.joinToken),
      pageRoute(options.pages),
    ],
    limits,
    incoming: memory.incoming,
    onRefused: refusals.add,
  });
  coordinator = new Coordinator(options, server, data, { refusals, memory, showcase });
  return coordinator;
}

type EndEvent = RunEventOf<'end'>;
type ReadyMessage = Extract<FromWorker, { type: 'ready' }>;

/** What it shares with the server's edge. */
interface CoordinatorParts {
  readonly refusals: Refusals;
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
  readonly #memory: RunMemory;
  readonly #data: DataManifest;
  readonly #refusals: Refusals;
  readonly #channel: WorkChannel;
  readonly #plan: Plan;
  readonly #core: Core;
  readonly #metrics: Metrics;
  readonly #milestones: Milestones;
  readonly #audits: AuditDesk | undefined;
  readonly #lookTimer: NodeJS.Timeout;
  /** Workers whose next lease is not sent, because the weights for it were not. */
  readonly #withheld = new Set<string>();
  readonly #expected: ExpectedAnswers;
  #weights: Extract<ToWorker, { type: 'weights' }> | undefined;
  #wakeTimer: NodeJS.Timeout | undefined;
  #settle: (end: Promise<EndEvent>) => void = () => undefined;

  constructor(
    options: CoordinatorOptions,
    server: EdgeServer,
    data: ServedBlocks,
    { refusals, memory, showcase = new Showcase(options.dataset) }: CoordinatorParts,
  ) {
    const { config, log, start, archive } = options;
    this.#options = options;
    this.#server = server;
    this.#memory = memory;
    this.#data = data.manifest;
    this.#refusals = refusals;
    const { url, localUrl } = ownUrls(options, server.port);
    this.url = url;
    this.localUrl = localUrl;
    this.done = new Promise((resolve) => {
      this.#settle = resolve;
    });
    const plan = planOf(config);
    this.#plan = plan;
    this.#expected = {
      run: options.run,
      codec: config.codecs.gradients,
      parameterCount: start.weights.length,
    };
    const rates = new LearningRates(config.sync, archive.pastRates);
    const rateFor = learningRateFor(config, plan);
    this.#core = new Core({
      ...options,
      plan,
      newVector: memory.newVector,
      optimizer: optimizerFor(config),
      gradientCodec: gradientCodecOf(config),
      robust: robustSumOf(config),
      ...(options.audits && { onAccepted: (...accepted) => this.#audits?.accepted(...accepted) }),
      learningRate: (version) => rateFor(version, undefined, rates.at(version)),
    });
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
    const dispatch = (event: CoreEvent): void => this.#dispatch(event);
    const [core, milestones] = [this.#core, this.#milestones];
    this.steered = { core, milestones, rates, archive, log, dispatch };
    const audited = { ...this.steered, core, table: this.#metrics.table };
    this.#audits = options.audits && new AuditDesk(options.audits, audited);
    const handlers: WorkHandlers = {
      joined: (peer) => this.#joined(peer),
      message: (peer, message) => this.#receive(peer, message),
      badMessage: ({ worker }, reason) => this.#dispatch({ type: 'bad-message', worker, reason }),
      left: (peer, why) => this.#left(peer, why),
      refused: (name, reason) => refusals.add(name, rejectReasons[reason]),
      failed: (error) => this.#failed(error),
      unbearable: ({ worker }, reason) => this.#dispatch({ type: 'expel', worker, reason }),
    };
    this.#channel = openWorkChannel(server.io, handlers, options.limits ?? defaultLimits);
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
    this.#metrics.workers(this.#core.members, this.#channel.trafficOf, now);
    this.#audits?.look(now);
  }

  #joined(peer: WorkerPeer): void {
    const { worker, name } = peer;
    const { run, config } = this.#options;
    this.#dispatch({ type: 'joined', worker, name });
    this.#channel.send(worker, { type: 'welcome', worker, run, config, data: this.#data });
    this.#metrics.joined(peer, this.#core.readyCount);
  }

  #receive(peer: WorkerPeer, message: FromWorker): void {
    switch (message.type) {
      case 'ready':
        return this.#ready(peer, message);
      case 'gradient':
        this.#metrics.table.answered(peer.worker, message.computeMs, performance.now());
        return this.#dispatch(answerEvent(peer.worker, message, this.#expected));
      case 'leave':
        this.#left(peer, cleanName(message.reason, 'no reason given'));
        return this.#channel.dismiss(peer.worker);
      default:
        message satisfies never;
    }
  }

  #ready(peer: WorkerPeer, { engine, samplesPerSecond }: ReadyMessage): void {
    const { worker } = peer;
    if (this.#core.members.get(worker)?.state.kind !== 'preparing') {
      return this.#dispatch({ type: 'bad-message', worker, reason: 'unexpected' });
    }
    const { engine: wanted } = this.#options.config;
    // Behind its name an engine may say more: `tfjs:tensorflow (gpu)`.
    if (wanted !== undefined && engine.split(' ', 1)[0] !== wanted) {
      return this.#dispatch({ type: 'expel', worker, reason: 'engine' });
    }
    this.#dispatch({ type: 'ready', worker, samplesPerSecond });
    this.#metrics.ready(peer, cleanName(engine, 'an engine'), this.#core.readyCount);
  }

  #left(peer: WorkerPeer, reason: string): void {
    // After the end everybody goes, and an expelled worker is gone already.
    if (this.#core.ended || !this.#core.members.has(peer.worker)) return;
    this.#dispatch({ type: 'left', worker: peer.worker });
    this.#metrics.worker(peer, 'left', this.#core.readyCount, reason);
  }

  #dispatch(event: CoreEvent): void {
    const now = performance.now();
    for (const effect of this.#core.handle(event, now)) this.#perform(effect, now);
    clearTimeout(this.#wakeTimer);
    const wakeAt = this.#core.wakeAt();
    if (!Number.isFinite(wakeAt)) return;
    this.#wakeTimer = setTimeout(() => this.#dispatch({ type: 'tick' }), Math.max(0, wakeAt - now));
  }

  #perform(effect: Effect, now: number): void {
    switch (effect.type) {
      case 'weights':
        return this.#sendWeights(effect.worker, effect.version);
      case 'lease': {
        const { worker, runs, ...lease } = effect;
        if (this.#withheld.delete(worker)) return;
        this.#metrics.table.leased(worker, runs.length, now);
        return this.#channel.send(worker, {
          ...lease,
          ...this.steered.rates.ofLease(lease.version),
          runs: [...runs],
        });
      }
      case 'standby': {
        const { worker, workers } = effect;
        const { shards } = this.#plan;
        this.#channel.send(worker, { type: 'standby', shards, workers });
        return this.#tell(worker, 'standby', `${workers} workers for ${shards} shards a step`);
      }
      case 'late':
        return this.#tell(effect.worker, 'late', `silent for ${seconds(effect.silentMs)}`);
      case 'refuse':
        this.#metrics.table.refused(effect.worker, effect.reason);
        if (effect.reason === 'late' || effect.reason === 'duplicate') return;
        return this.#tell(effect.worker, 'rejected', rejectReasons[effect.reason]);
      case 'expel': {
        const { worker, reason, detail = rejectReasons[reason] } = effect;
        this.#tell(worker, 'expelled', detail);
        return this.#channel.dismiss(worker, { type: 'refused', reason, detail });
      }
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

  /** One message object a version: it is encoded once, and every worker gets the same bytes. */
  #sendWeights(worker: string, version: number): void {
    if (this.#channel.isBehind(worker)) {
      // It does not read: this lease will run out, and no second copy piles up meanwhile.
      this.#withheld.add(worker);
      return;
    }
    if (this.#weights?.version !== version) {
      const { encode } = codecs[this.#options.config.codecs.weights];
      const payload = this.#memory.payloads.take();
      payload.set(encode(this.#core.weights, version));
      this.#weights = { type: 'weights', version, payload };
    }
    this.#channel.send(worker, this.#weights);
    const carrier = this.#channel.carrierTo(worker);
    if (carrier !== undefined) this.#memory.payloads.lend(this.#weights.payload, carrier);
  }

  async #end(reason: EndReason, snapshot: Snapshot): Promise<EndEvent> {
    const { archive, start, linger } = this.#options;
    clearInterval(this.#lookTimer);
    const { members } = this.#core;
    this.#metrics.workers(members, this.#channel.trafficOf, performance.now(), true);
    this.#channel.dismissAll({ type: 'finished', reason });
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

  /** An event about a worker that may be gone already: then its number has to do for its name. */
  #tell(worker: string, action: RunEventOf<'worker'>['action'], reason: string): void {
    const name = this.#channel.nameOf(worker) ?? worker;
    this.#metrics.worker({ worker, name }, action, this.#core.readyCount, reason);
  }

  #failed(error: unknown): void {
    this.#metrics.warn(`a mistake inside tutti: ${error instanceof Error ? error.stack : error}`);
  }
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
