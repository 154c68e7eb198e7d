// A real worker with the reference engine and a tiny network, employed by a coordinator that a test plays.
import { bytesOf } from '../shared/codecs/memory.ts';
import { modelOf, planOf, type RunConfig } from '../shared/config.ts';
import type { Engine, Slice, SliceResult } from '../shared/contracts.ts';
import { initialWeights } from '../shared/model/model.ts';
import type { ShardRun, ToWorker } from '../shared/protocol.ts';
import { randomSlice } from '../worker/engines/prove.ts';
import { reference } from '../worker/engines/reference.ts';
import { newsText } from '../worker/news.ts';
import { TrainingData } from '../worker/training-data.ts';
import { type ProvenEngine, Worker, type WorkerEnvironment } from '../worker/worker.ts';
import { FakeCoordinator } from './fake-coordinator.ts';
import { answerOf } from './rounds.ts';
import { run } from './terminal-events.ts';

/** Three steps an epoch: 22, 22 and 6 samples, in 8 shards. */
const config: RunConfig = {
  ...run.config,
  shape: { trainSamples: 50, testSamples: 1, rows: 2, columns: 3, classes: 3 },
  model: { hidden: [5], activation: 'relu', batchNorm: false, dropout: 0 },
  loss: { labelSmoothing: 0 },
  codecs: { gradients: 'float32', weights: 'float32' },
  batchSize: 22,
  shards: 8,
};
const model = modelOf(config);
export const { parameterCount } = model;
const data = randomSlice(model, config.shape.trainSamples, 1);
export const plan = planOf(config);

type MessageOf<Type extends ToWorker['type']> = Extract<ToWorker, { type: Type }>;

export const welcome: MessageOf<'welcome'> = {
  type: 'welcome',
  worker: 'w1',
  run: 'mnist-1',
  config,
  data: { images: [], labels: [] },
};

export const stickyWelcome: MessageOf<'welcome'> = {
  ...welcome,
  config: { ...config, sharding: 'sticky' },
};

export const topKWelcome: MessageOf<'welcome'> = {
  ...welcome,
  config: { ...config, codecs: { gradients: 'topk', weights: 'float32', topK: 0.2 } },
};

export function weightsOf(version: number): MessageOf<'weights'> {
  return { type: 'weights', version, payload: bytesOf(weightsAt(version)) };
}

export function leaseOf(version: number, ...runs: ShardRun[]): MessageOf<'lease'> {
  return { type: 'lease', ...plan.position(version), version, runs };
}

export function valuesOf(payload: Uint8Array): Float32Array {
  return new Float32Array(payload.buffer, payload.byteOffset, model.parameterCount);
}

/** What the reference says of all samples of one shard. */
export async function shardSum(version: number, shard: number): Promise<SliceResult> {
  const { epoch, step } = plan.position(version);
  const indices = [...plan.shardIndices(epoch, step, shard)];
  const images = indices.flatMap((index) => [
    ...data.images.subarray(index * model.inputs, (index + 1) * model.inputs),
  ]);
  const labels = indices.map((index) => data.labels[index]);
  const engine = await reference.create(model);
  engine.load(weightsAt(version));
  return engine.gradient({ images: Uint8Array.from(images), labels: Uint8Array.from(labels) });
}

/** Rounds of three local steps of two samples, on 8 replicas. */
export const localConfig: RunConfig = {
  ...config,
  sync: { mode: 'local', localSteps: 3, outerLearningRate: 1, outerMomentum: 0 },
  batchSize: 2,
};

/** What a replica has to answer for one shard of such a round. */
export function localSum(version: number, shard: number): Promise<SliceResult> {
  return answerOf({ config: localConfig, weights: weightsAt(version), data, shard, version });
}

function weightsAt(version: number): Float32Array {
  return initialWeights(model, version);
}

export const imagesPerBlock = 7;

/** Every block is there at once. */
function dataInMemory(brought: number[]): TrainingData {
  return new TrainingData({
    labels: data.labels,
    imageBytes: model.inputs,
    imagesPerBlock,
    bring: async (block, deliver) => {
      brought.push(block);
      const bytes = imagesPerBlock * model.inputs;
      deliver(data.images.subarray(block * bytes, (block + 1) * bytes));
    },
  });
}

export interface Employment {
  readonly coordinator: FakeCoordinator;
  readonly worker: Worker;
  /** In the order in which they were made. */
  readonly engines: WatchedEngine[];
  /** How often the labels were fetched. */
  fetches: number;
  /** Blocks of images that came, in their order. */
  readonly broughtBlocks: number[];
  readonly log: string[];
}

export function employ(changes: Partial<WorkerEnvironment> = {}): Employment {
  const coordinator = new FakeCoordinator();
  const engines: WatchedEngine[] = [];
  const log: string[] = [];
  let now = 0;
  const worker = new Worker({
    connect: coordinator.connect,
    loadData: async () => {
      employment.fetches++;
      return dataInMemory(employment.broughtBlocks);
    },
    createEngine: async () => {
      const engine = new WatchedEngine(await reference.create(model));
      engines.push(engine);
      return { engine, samplesPerSecond: 1234 };
    },
    now: () => now++,
    onNews: (news) => {
      const text = newsText(news);
      if (text !== undefined) log.push(text);
    },
    ...changes,
  });
  const employment: Employment = {
    coordinator,
    worker,
    engines,
    fetches: 0,
    broughtBlocks: [],
    log,
  };
  return employment;
}

/** As `employ`, up to its first `ready`. */
export async function employReady(): Promise<Employment & { readonly engine: WatchedEngine }> {
  const employment = employ();
  employment.coordinator.open();
  employment.coordinator.say(welcome);
  await employment.coordinator.hear('ready');
  return Object.assign(employment, { engine: employment.engines[0] });
}

/** The reference engine, which says that this is the memory of its weights. */
export async function offering(weights: Float32Array): Promise<ProvenEngine> {
  const inner = await reference.create(model);
  const engine: Engine = {
    ...inner,
    weights,
    load: (loaded) => inner.load(loaded),
    gradient: (slice) => inner.gradient(slice),
    dispose: () => inner.dispose(),
  };
  return { engine, samplesPerSecond: 1234 };
}

/** The reference engine, which a test can stop in the middle of a gradient. */
class WatchedEngine implements Engine {
  readonly label: string;
  loads = 0;
  gradients = 0;
  isDisposed = false;
  /** Thrown by the next gradient. */
  failure: Error | undefined;
  readonly disposal = new Signal();
  readonly #engine: Engine;
  /** Written again by every gradient, as an engine may. */
  readonly #gradient = new Float32Array(model.parameterCount);
  #pause: { readonly begun: Signal; readonly over: Signal } | undefined;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.label = engine.label;
  }

  /** The next gradient waits for `resume`; resolves when it does. */
  pause(): Promise<void> {
    this.#pause = { begun: new Signal(), over: new Signal() };
    return this.#pause.begun.given;
  }

  resume(): void {
    this.#pause?.over.give();
    this.#pause = undefined;
  }

  load(weights: Float32Array): void {
    this.loads++;
    this.#engine.load(weights);
  }

  async gradient(slice: Slice): Promise<SliceResult> {
    this.gradients++;
    this.#pause?.begun.give();
    await this.#pause?.over.given;
    if (this.failure) throw this.failure;
    const result = await this.#engine.gradient(slice);
    this.#gradient.set(result.gradient);
    return { ...result, gradient: this.#gradient };
  }

  predict(images: Uint8Array): Promise<Float32Array> {
    return this.#engine.predict(images);
  }

  async dispose(): Promise<void> {
    this.isDisposed = true;
    this.disposal.give();
  }
}

class Signal {
  give: () => void = () => undefined;
  readonly given = new Promise<void>((resolve) => {
    this.give = resolve;
  });
}
