// A relay while it has its upstream: the port for its own workers, their crew, and the way to and fro. It ends with the
// connection above, so that nothing of one survives into the next; workers come back by themselves.
import { loadCodecs, type RunCodecs } from '../shared/codecs/index.ts';
import { modelOf, planOf } from '../shared/config.ts';
import type { Codec } from '../shared/contracts.ts';
import type { NewRunEvent } from '../shared/events.ts';
import type { FromWorker, LeaseMessage, ToWorker } from '../shared/protocol.ts';
import { AuditDesk, type AuditOrder } from './audit-desk.ts';
import { serveBlocks } from './block-route.ts';
import type { Answer } from './core-types.ts';
import { CrewDesk, type CrewWatcher, type WeightsMessage } from './crew-desk.ts';
import { drive } from './drive.ts';
import type { FirstShares } from './first-shares.ts';
import { livenessRoute } from './health-routes.ts';
import { createRefusals, type Refusals } from './refusals.ts';
import { RelayCore, type RelayEffect, type RelayEvent } from './relay-core.ts';
import type { RelayedBlocks } from './relayed-blocks.ts';
import { createRunMemory, type RunMemory } from './run-memory.ts';
import { type EdgeServer, type ServerOptions, startServer } from './server.ts';
import { type WorkerEvent, WorkerTable } from './worker-table.ts';

export type Welcome = Extract<ToWorker, { type: 'welcome' }>;
export type Retraction = Extract<FromWorker, { type: 'retract' }>;

/** What became of one of its workers, or what a person should know. */
export type RelayNews = WorkerEvent | Extract<NewRunEvent, { type: 'notice' }>;

export interface RelayPort
  extends Pick<
    ServerOptions,
    'host' | 'port' | 'publicUrl' | 'tls' | 'gate' | 'limits' | 'origins'
  > {
  /** Workers of this machine may pass payloads through memory; they do unless told. */
  readonly sharedMemory?: boolean;
  readonly onNews: (news: RelayNews) => void;
}

export interface SessionOptions extends RelayPort {
  readonly welcome: Welcome;
  readonly blocks: RelayedBlocks;
  /** Its workers' answers are computed again with this, if at all. */
  readonly audits?: AuditOrder;
  readonly firstShares: FirstShares;
  /** To whoever leases to it. */
  readonly send: (message: FromWorker) => void;
  /** To the same, now or when it is there again. */
  readonly retract: (message: Retraction) => void;
}

/** Resolves when it listens; rejects with the system's error when it cannot. */
export async function openSession(options: SessionOptions): Promise<RelaySession> {
  const { config, data } = options.welcome;
  const { parameterCount } = modelOf(config);
  const codecs = await loadCodecs(config.codecs);
  const maxPayloadBytes = codecs.gradients.byteLength(parameterCount);
  const memory = createRunMemory({ ...options, parameterCount, codecs, config });
  const refusals = createRefusals((message) =>
    options.onNews({ type: 'notice', level: 'warning', message }),
  );
  const served = serveBlocks(options.blocks.of(data));
  const server = await startServer({
    ...options,
    maxPayloadBytes,
    routes: [livenessRoute, served.route],
    incoming: memory.incoming,
    onRefused: refusals.add,
  });
  return new RelaySession(options, server, { codecs, memory, refusals });
}

/** What it shares with the server's edge. */
interface SessionParts {
  readonly codecs: RunCodecs;
  readonly memory: RunMemory;
  readonly refusals: Refusals;
}

export class RelaySession {
  readonly #options: SessionOptions;
  readonly #server: EdgeServer;
  readonly #memory: RunMemory;
  readonly #refusals: Refusals;
  readonly #core: RelayCore;
  readonly #table: WorkerTable;
  readonly #desk: CrewDesk;
  readonly #audits: AuditDesk | undefined;
  readonly #dispatch: (event: RelayEvent) => void;
  #weights: WeightsMessage | undefined;
  /** Those of the latest lease. */
  #terms: { readonly learningRate?: number } = {};
  /** When the lease came, or the last of it went out. */
  #since = 0;

  constructor(options: SessionOptions, server: EdgeServer, parts: SessionParts) {
    const { codecs, memory, refusals } = parts;
    const { welcome, limits, audits } = options;
    const { config, run, data } = welcome;
    const plan = planOf(config);
    this.#options = options;
    this.#server = server;
    this.#memory = memory;
    this.#refusals = refusals;
    this.#table = new WorkerTable(plan);
    const { parameterCount } = modelOf(config);
    const codec = { codec: codecs.gradients, seed: config.seed };
    this.#core = new RelayCore({
      plan,
      parameterCount,
      codec,
      vectors: memory.sums,
      onAccepted: (...accepted) => this.#accepted(...accepted),
    });
    this.#dispatch = drive<RelayEvent, RelayEffect>(this.#core, (effect, now) =>
      this.#perform(effect, now),
    );
    this.#desk = new CrewDesk({
      io: server.io,
      limits,
      run,
      config,
      data,
      gradients: { codec: codecs.gradients, desk: memory.desk },
      core: this.#core,
      dispatch: this.#dispatch,
      // Nothing is leased at any others.
      weightsAt: () => this.#weights!,
      termsOf: () => this.#terms,
      payloads: memory.payloads,
      lanes: memory.lanes,
      watcher: this.#watcher(),
      onRefused: refusals.add,
      onFailure: (error) => this.#warn(error),
    });
    this.#audits = audits && this.#auditDesk(audits, codecs.weights);
    this.#dispatch({ type: 'tick' });
  }

  /** So many answers of its workers turned out to be wrong. */
  get liesFound(): number {
    return this.#audits?.found ?? 0;
  }

  /** The bytes go on as they came: copied once, because the transport needs the place again. */
  takeWeights({ type, version, payload }: WeightsMessage): void {
    if (this.#weights?.version === version) return;
    const copy = this.#memory.payloads.take();
    copy.set(payload);
    this.#weights = { type, version, payload: copy };
    // What was leased at others is of no use any more.
    this.#dispatch({ type: 'leased', version, runs: [] });
  }

  takeLease({ version, runs, learningRate }: LeaseMessage): void {
    if (this.#weights?.version !== version) return;
    this.#terms = learningRate === undefined ? {} : { learningRate };
    this.#since = performance.now();
    this.#dispatch({ type: 'leased', version, runs });
  }

  /** Its workers try again until they are let in; those of a run that is over are told so. */
  async close(finished?: Extract<ToWorker, { type: 'finished' }>): Promise<void> {
    this.#core.end();
    if (finished) this.#desk.channel.dismissAll(finished);
    // Whoever lied is still here to be told.
    await this.#audits?.close();
    this.#refusals.close();
    await this.#server.close();
    this.#memory.lanes?.close();
  }

  #accepted(worker: string, answer: Answer): void {
    const { name = worker } = this.#table.about(worker) ?? {};
    this.#options.firstShares.add(name, answer.version);
    this.#audits?.accepted(worker, answer);
  }

  #auditDesk(audits: AuditOrder, codec: Codec): AuditDesk {
    const { onNews } = this.#options;
    return new AuditDesk(audits, {
      core: this.#core,
      dispatch: this.#dispatch,
      desk: this.#desk,
      codec,
      // Nothing is leased at any others.
      sentAt: () => this.#weights!.payload,
      table: this.#table,
      rates: { ofLease: () => this.#terms },
      tell: (event) => event.type === 'notice' && onNews(event),
      convicted: (_worker, name, detail) => this.#retract(name, 0, `${name} lied: ${detail}`),
    });
  }

  /** What this worker gave at that version and later went out long ago. It takes back nothing that others gave. */
  #retract(name: string, from: number, reason: string): void {
    // A sum that is not here yet may hold the first lie: nothing earlier does.
    const first = this.#options.firstShares.of(name) ?? this.#weights?.version;
    if (first === undefined) return;
    const since = Math.max(from, first);
    this.#options.retract({ type: 'retract', since, reason: reason.slice(0, 200) });
  }

  #watcher(): CrewWatcher {
    const table = this.#table;
    const became: CrewWatcher['became'] = (worker, action, reason) => {
      const workers = this.#core.readyCount;
      this.#options.onNews(table.eventOf(worker, { action, reason, workers }));
      if (action === 'left' || action === 'expelled') table.gone(worker.worker);
      this.#audits?.look(performance.now());
    };
    return {
      joined: (peer) => {
        table.joined(peer);
        became(peer, 'joined');
      },
      equipped: (...equipment) => table.equipped(...equipment),
      became,
      leased: () => undefined,
      answered: () => undefined,
      refused: () => undefined,
      retracted: ({ name }, since, reason) => this.#retract(name, since, `${name}: ${reason}`),
    };
  }

  #perform(effect: RelayEffect, now: number): void {
    switch (effect.type) {
      case 'sum':
        return this.#sendSum(effect, now);
      case 'crew': {
        const { type, workers, samplesPerSecond } = effect;
        return this.#options.send({ type, workers, engine: this.#engines(), samplesPerSecond });
      }
      default:
        return this.#desk.perform(effect, now);
    }
  }

  #sendSum(effect: Extract<RelayEffect, { type: 'sum' }>, now: number): void {
    const { epoch, step, version, samples, sum } = effect;
    const { run } = this.#options.welcome;
    // So that those of one lease add up to the time from its coming to its end.
    const computeMs = now - this.#since;
    this.#since = now;
    this.#options.send({
      ...{ type: 'gradient', run, epoch, step, version, samples, computeMs },
      ...sum,
    });
  }

  /** Of those who are here, each once, for people. */
  #engines(): string {
    const engines = [...this.#core.members.keys()].flatMap((worker) => {
      return this.#table.about(worker)?.engine?.split(', ') ?? [];
    });
    return [...new Set(engines)].join(', ').slice(0, 200);
  }

  #warn(error: unknown): void {
    const detail = error instanceof Error ? error.stack : error;
    const message = `a mistake inside tutti: ${detail}`;
    this.#options.onNews({ type: 'notice', level: 'warning', message });
  }
}
