// The loop of a worker: weights in, gradients out. Node and the browser hand it what differs between them.
import { loadCodecs } from '../shared/codecs/index.ts';
import { encodeSum, type Subtree } from '../shared/codecs/rounding.ts';
import { modelOf, planOf } from '../shared/config.ts';
import type { Codec, Engine, Feedback } from '../shared/contracts.ts';
import type { Model } from '../shared/model/model.ts';
import type { DataManifest, LeaseMessage, ToWorker } from '../shared/protocol.ts';
import { localTrainingOf } from './local-steps.ts';
import type { WorkerNews } from './news.ts';
import { roomForSums, type SumPlace, sumOfRun, treeOf } from './run-sum.ts';
import type { TrainingData } from './training-data.ts';
import type { Connect, Transport } from './transport.ts';

export interface ProvenEngine {
  readonly engine: Engine;
  /** Measured on slices of the run's shard size. */
  readonly samplesPerSecond: number;
}

/** What a worker needs of the place where it runs. */
export interface WorkerEnvironment {
  readonly connect: Connect;
  /** The labels of the training set, and its images as they are asked for; both checked. */
  loadData(manifest: DataManifest, imageBytes: number): Promise<TrainingData>;
  /** An engine that has been compared with the reference: the one that the run asks for, if it does. */
  createEngine(model: Model, sliceSize: number, wanted?: string): Promise<ProvenEngine>;
  /** Monotonic milliseconds. */
  now(): number;
  onNews(news: WorkerNews): void;
}

export type WorkerEnding =
  | { readonly kind: 'finished'; readonly reason: string }
  | { readonly kind: 'left' }
  | { readonly kind: 'refused'; readonly reason: string; readonly detail: string }
  /** The worker itself could not go on. */
  | { readonly kind: 'failed'; readonly stage: WorkerStage; readonly error: Error };

/** What a worker was busy with when it failed. */
export type WorkerStage = 'data' | 'engine' | 'training';

type Welcome = Extract<ToWorker, { type: 'welcome' }>;

/** All that a run needs and that survives a lost connection. */
interface Workplace extends ProvenEngine, SumPlace {
  readonly welcome: Welcome;
  readonly model: Model;
  readonly data: TrainingData;
  /** Where the codec leaves most of a gradient out. */
  readonly feedback: Feedback | undefined;
  readonly weightsCodec: Codec;
  /** Those of the latest version that came, decoded: where steps are no rounds, in the memory of an engine that has one. */
  readonly weights: Float32Array;
  /** In the same memory: for what comes and goes past the socket. */
  readonly incoming: Uint8Array;
  readonly outgoing: Uint8Array;
}

/** After so many leases in a row a worker believes that it will keep its shards. */
const leasesToKeep = 16;

export class Worker {
  /** Settles once, when the worker will not connect again. */
  readonly ending: Promise<WorkerEnding>;
  readonly #environment: WorkerEnvironment;
  readonly #transport: Transport;
  #end: (ending: WorkerEnding) => void = () => undefined;
  /** Counts connections: what was begun on an older one is not sent on this one. */
  #session = 0;
  #isAway = false;
  #isConnected = false;
  #hasEnded = false;
  #stage: WorkerStage = 'training';
  #workplace: Workplace | undefined;
  #loadedVersion = -1;
  /** Of the latest weights that came: work at older ones is of no use any more. */
  #wantedVersion = -1;
  /** The shards of the latest lease, and how many leases in a row were of these. */
  #kept: { readonly shards: readonly number[]; readonly leases: number } = {
    shards: [],
    leases: 0,
  };
  /** An engine does one thing at a time, also when a broken connection leaves a lease half computed. */
  #work: Promise<void> = Promise.resolve();

  constructor(environment: WorkerEnvironment) {
    this.#environment = environment;
    this.ending = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#transport = environment.connect({
      onOpen: () => this.#open(),
      onMessage: (message) => this.#receive(message),
      roomFor: (bytes) => this.#roomForWeights(bytes),
      onClose: (why, isFinal) => this.#closed(why, isFinal),
    });
  }

  /** Hands all leases back and goes. */
  leave(reason: string): void {
    if (this.#hasEnded) return;
    this.#transport.send({ type: 'leave', reason });
    this.#retire({ kind: 'left' });
    // The coordinator hangs up when it has read that. Whoever hangs up first may not be heard.
    if (!this.#isConnected) this.#transport.close();
  }

  #open(): void {
    this.#session++;
    this.#isConnected = true;
    this.#loadedVersion = -1;
    this.#wantedVersion = -1;
    this.#workplace?.feedback?.forget();
    this.#environment.onNews({ kind: 'connected', isAgain: this.#isAway });
    this.#isAway = false;
  }

  #closed(why: string, isFinal: boolean): void {
    this.#session++;
    this.#isConnected = false;
    if (this.#hasEnded) return this.#transport.close();
    if (isFinal) return this.#finish({ kind: 'refused', reason: 'coordinator', detail: why });
    if (!this.#isAway) this.#environment.onNews({ kind: 'away', why });
    this.#isAway = true;
  }

  #finish(ending: WorkerEnding): void {
    this.#retire(ending);
    this.#transport.close();
  }

  #retire(ending: WorkerEnding): void {
    this.#session++;
    this.#hasEnded = true;
    this.#end(ending);
    const workplace = this.#workplace;
    this.#workplace = undefined;
    workplace?.data.close();
    void this.#work.finally(() => workplace?.engine.dispose());
  }

  #receive(message: ToWorker): void {
    switch (message.type) {
      case 'welcome':
        this.#enqueue(() => this.#settleIn(message));
        return;
      case 'weights':
        return this.#takeWeights(message.version, message.payload);
      case 'lease':
        this.#enqueue(() => this.#compute(message));
        return;
      case 'verdict':
        return this.#workplace?.feedback?.settle(message, message.counts);
      case 'standby':
        return this.#environment.onNews({
          kind: 'standby',
          workers: message.workers,
          shards: message.shards,
        });
      case 'refused':
        return this.#finish({ kind: 'refused', reason: message.reason, detail: message.detail });
      case 'finished':
        return this.#finish({ kind: 'finished', reason: message.reason });
      default:
        message satisfies never;
    }
  }

  /** Tasks of a connection that is gone are neither begun nor mourned. */
  #enqueue(task: () => Promise<void>): void {
    const session = this.#session;
    const isCurrent = (): boolean => session === this.#session;
    this.#work = this.#work
      .then(() => (isCurrent() ? task() : undefined))
      .catch((error: Error) => {
        if (isCurrent()) this.#finish({ kind: 'failed', stage: this.#stage, error });
      });
  }

  async #settleIn(welcome: Welcome): Promise<void> {
    const session = this.#session;
    const { onNews } = this.#environment;
    onNews({ kind: 'welcome', worker: welcome.worker });
    const known = this.#workplace;
    if (!known || !isSameRun(known.welcome, welcome)) {
      this.#workplace = undefined;
      await vacate(known);
      const workplace = await this.#furnish(welcome);
      if (session !== this.#session) return vacate(workplace);
      this.#workplace = workplace;
    }
    const { engine, samplesPerSecond } = this.#workplace!;
    this.#transport.send({ type: 'ready', engine: engine.label, samplesPerSecond });
    onNews({ kind: 'ready', engine: engine.label, samplesPerSecond });
  }

  async #furnish(welcome: Welcome): Promise<Workplace> {
    const { config } = welcome;
    const { rows, columns } = config.shape;
    const { loadData, createEngine, onNews } = this.#environment;
    const model = modelOf(config);
    const plan = planOf(config);
    this.#stage = 'data';
    const { gradients, weights } = await loadCodecs(config.codecs);
    const codecs = {
      feedback: gradients.createFeedback?.(model.parameterCount),
      gradientCodec: { codec: gradients, seed: config.seed },
      weightsCodec: weights,
    };
    const data = await loadData(welcome.data, rows * columns);
    // While the engine is proven; what a lease needs comes before it all the same.
    if (!plan.hasParts) data.prefer(plan.sourceOf(0));
    this.#stage = 'engine';
    onNews({ kind: 'proving' });
    const sliceSize = Math.max(1, Math.min(config.batchSize, plan.runSize(0, 0, 1)));
    const proven = await createEngine(model, sliceSize, config.engine).catch((error: Error) => {
      data.close();
      throw error;
    });
    this.#stage = 'training';
    const local = localTrainingOf(config, plan, proven.engine);
    const place = { welcome, model, plan, data, local, ...codecs };
    const { memory, ...room } = roomForSums(model, plan, proven.engine);
    const weightsBytes = weights.byteLength(model.parameterCount);
    const gradientBytes = gradients.byteLength(model.parameterCount);
    const incoming = memory.bytes(weightsBytes);
    const outgoing = memory.bytes(gradientBytes);
    this.#transport.lend({ weightsBytes, gradientBytes, pages: (bytes) => memory.pages(bytes) });
    // A round needs those that it began with until its end.
    const ofEngine = local ? undefined : proven.engine.weights;
    const payloads = { incoming, outgoing };
    return { ...place, ...proven, ...room, ...payloads, weights: ofEngine ?? room.weights };
  }

  /** At once, because the transport needs the place again. What the engine may be at work on is of no use any more. */
  #takeWeights(version: number, payload: Uint8Array): void {
    if (this.#workplace === undefined) return;
    const { weightsCodec, weights } = this.#workplace;
    try {
      const decoded = weightsCodec.decode(payload, weights);
      if (!isSame(decoded, weights)) weights.set(decoded);
      this.#wantedVersion = version;
    } catch (error) {
      this.#finish({ kind: 'failed', stage: this.#stage, error: error as Error });
    }
  }

  /** Where they are needed, or beside it. */
  #roomForWeights(bytes: number): Uint8Array | undefined {
    if (this.#workplace === undefined) return undefined;
    const { weightsCodec, weights, incoming } = this.#workplace;
    const room = weightsCodec.view?.(weights) ?? incoming;
    if (room.length !== bytes) return undefined;
    this.#wantedVersion = -1;
    return room;
  }

  async #fetch({ plan, data }: Workplace, { epoch, step, runs }: LeaseMessage): Promise<void> {
    const shards = runs.flatMap(({ start, length }) => {
      return Array.from({ length }, (_, at) => start + at);
    });
    this.#stage = 'data';
    const here = data.load(shards.map((shard) => plan.shardIndices(epoch, step, shard)));
    if (plan.hasParts) data.prefer(this.#areKept(shards) ? shards.flatMap(plan.sourceOf) : []);
    await here;
    this.#stage = 'training';
  }

  /** The same shards came for some time: likely they come again, and all that they draw from is of use. */
  #areKept(shards: readonly number[]): boolean {
    const { shards: latest, leases } = this.#kept;
    const isSame =
      shards.length === latest.length && shards.every((shard, at) => shard === latest[at]);
    this.#kept = { shards, leases: isSame ? leases + 1 : 1 };
    return this.#kept.leases >= leasesToKeep;
  }

  async #compute(lease: LeaseMessage): Promise<void> {
    const { epoch, step, version, runs, learningRate } = lease;
    const session = this.#session;
    const isWanted = (): boolean => session === this.#session && version === this.#wantedVersion;
    const workplace = this.#workplace;
    if (workplace === undefined || !isWanted()) return;
    await this.#fetch(workplace, lease);
    if (!isWanted()) return;
    const { welcome, plan, weights } = workplace;
    if (this.#loadedVersion !== version) {
      workplace.engine.load(weights);
      this.#loadedVersion = version;
    }
    for (const run of runs) {
      const startedAt = this.#environment.now();
      const tree = treeOf(workplace, { epoch, step, ...run });
      const sum = await sumOfRun(workplace, tree, {
        epoch,
        step,
        version,
        learningRate,
        weights,
        run,
        room: this.#roomForSum(workplace),
        isWanted,
      });
      if (sum === undefined) return;
      const samples = plan.runSize(step, run.start, run.length);
      const answer = {
        type: 'gradient' as const,
        run: welcome.run,
        epoch,
        step,
        version,
        ...run,
        samples,
        lossSum: sum.lossSum,
        correct: sum.correct,
        computeMs: this.#environment.now() - startedAt,
      };
      this.#transport.sendWith(answer, workplace.outgoing.length, (room) =>
        this.#encode(workplace, { epoch, step, version, ...run }, sum.gradient, room),
      );
      tree.release();
      this.#environment.onNews({ kind: 'computed', samples });
    }
  }

  /** Where the next answer's payload will be, if that is the sum itself. */
  #roomForSum({ gradientCodec, outgoing, model }: Workplace): Float32Array | undefined {
    if (gradientCodec.codec.view === undefined) return undefined;
    const room = this.#transport.roomAhead(outgoing.length);
    return room && new Float32Array(room.buffer, room.byteOffset, model.parameterCount);
  }

  /** The payload of an answer. */
  #encode(
    { gradientCodec, feedback, outgoing }: Workplace,
    run: Subtree & { readonly version: number },
    sum: Float32Array,
    room?: Uint8Array,
  ): Uint8Array {
    const { codec } = gradientCodec;
    const isRead = this.#transport.readsAtOnce();
    const view = isRead ? codec.view?.(sum) : undefined;
    if (view !== undefined) return view;
    const payload = room ?? (isRead ? outgoing : this.#transport.roomFor(outgoing.length));
    if (feedback === undefined) encodeSum(gradientCodec, run, sum, payload);
    else feedback.encode(run, sum, payload);
    return payload;
  }
}

/** The same memory. */
function isSame(one: Float32Array, other: Float32Array): boolean {
  return one.buffer === other.buffer && one.byteOffset === other.byteOffset;
}

async function vacate(workplace: Workplace | undefined): Promise<void> {
  workplace?.data.close();
  await workplace?.engine.dispose();
}

function isSameRun(one: Welcome, other: Welcome): boolean {
  const fingerprint = ({ run, config }: Welcome) => JSON.stringify([run, config]);
  return fingerprint(one) === fingerprint(other);
}
