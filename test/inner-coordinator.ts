// A coordinator inside the test's own process, with a network of a few hundred weights: for what has to be counted
// from within, or happens so often that a process would be busy telling of it.
import { openArchive } from '../coordinator/archive.ts';
import { serveBlocks } from '../coordinator/block-route.ts';
import { controlRoutes } from '../coordinator/control-routes.ts';
import { carryOut } from '../coordinator/controls.ts';
import { Coordinator, type CoordinatorOptions } from '../coordinator/coordinator.ts';
import { createDataBlocks } from '../coordinator/data-blocks.ts';
import type { Evaluation } from '../coordinator/evaluation.ts';
import { EventLog } from '../coordinator/event-log.ts';
import { type Gate, openGate } from '../coordinator/gate.ts';
import { defaultLimits, type Limits } from '../coordinator/limits.ts';
import type { TlsIdentity } from '../coordinator/open-port.ts';
import { createRefusals } from '../coordinator/refusals.ts';
import { createRunFolder } from '../coordinator/run-folder.ts';
import { createRunMemory } from '../coordinator/run-memory.ts';
import { type EdgeServer, startServer } from '../coordinator/server.ts';
import { loadCodecs } from '../shared/codecs/index.ts';
import { modelOf, optimizerFor, type RunConfig } from '../shared/config.ts';
import type { RunEvent, RunEventOf } from '../shared/events.ts';
import { initialWeights } from '../shared/model/model.ts';
import { randomSlice } from '../worker/engines/prove.ts';
import { type NodeWorkerOptions, startNodeWorker } from '../worker/node.ts';
import type { Worker } from '../worker/worker.ts';
import { type TestScope, temporaryFolder } from './support.ts';
import { run } from './terminal-events.ts';

export interface InnerCoordinator {
  readonly coordinator: Coordinator;
  readonly server: EdgeServer;
  readonly url: string;
  readonly config: RunConfig;
  readonly log: EventLog;
  /** A real worker in this process; with another URL it comes by another way. */
  addWorker(ways?: Ways): Worker;
}

type Ways = Partial<Pick<NodeWorkerOptions, 'token' | 'tlsFingerprint' | 'url'>>;

export interface InnerOptions {
  readonly gate?: Gate;
  readonly tls?: TlsIdentity;
  readonly limits?: Partial<Limits>;
  readonly config?: Partial<RunConfig>;
  readonly evaluate?: CoordinatorOptions['evaluate'];
  readonly audits?: CoordinatorOptions['audits'];
  readonly sharedMemory?: boolean;
}

export async function newInnerCoordinator(
  t: TestScope,
  {
    gate = openGate,
    tls,
    limits: changedLimits,
    config: changedConfig,
    evaluate = evaluateNothing,
    audits,
    sharedMemory,
  }: InnerOptions = {},
): Promise<InnerCoordinator> {
  const limits = { ...defaultLimits, ...changedLimits };
  const config: RunConfig = {
    ...run.config,
    shape: { trainSamples: 256, testSamples: 1, rows: 4, columns: 4, classes: 4 },
    model: { hidden: [16], activation: 'relu', batchNorm: false, dropout: 0 },
    loss: { labelSmoothing: 0 },
    codecs: { gradients: 'float32', weights: 'float32' },
    batchSize: 16,
    epochs: 100_000,
    ...changedConfig,
  };
  const model = modelOf(config);
  const folder = await createRunFolder(temporaryFolder(t), config, new Date());
  const archive = await openArchive({ folder, fromVersion: 0, onError: () => undefined });
  const log = new EventLog({ lastSeq: 0 });
  const train = randomSlice(model, config.shape.trainSamples, 1);
  const data = serveBlocks(createDataBlocks(train, model.inputs));
  const refusals = createRefusals((message) =>
    log.add({ type: 'notice', level: 'warning', message }),
  );
  const { parameterCount } = model;
  const codecs = await loadCodecs(config.codecs);
  const memory = createRunMemory({ parameterCount, codecs, config, sharedMemory });
  let coordinator: Coordinator | undefined;
  const server = await startServer({
    host: '127.0.0.1',
    port: 0,
    gate,
    tls,
    maxPayloadBytes: codecs.gradients.byteLength(parameterCount),
    routes: [
      data.route,
      ...controlRoutes({ host: '127.0.0.1', gate, tls }, (request) =>
        coordinator ? carryOut(request, coordinator.steered) : undefined,
      ),
    ],
    limits,
    incoming: memory.incoming,
    onRefused: refusals.add,
  });
  const options = {
    run: folder.id,
    config,
    dataset: { shape: config.shape, train, test: train },
    archive,
    log,
    start: {
      version: 0,
      epoch: 0,
      step: 0,
      weights: initialWeights(model, config.seed),
      optimizer: optimizerFor(config).init(model.parameterCount),
      epochTotals: { lossSum: 0, correct: 0, samples: 0, seconds: 0 },
    },
    evaluate,
    audits,
    host: '127.0.0.1',
    port: 0,
    tls,
    expectWorkers: 1,
    limits,
  };
  const running = new Coordinator(options, server, data, { refusals, codecs, memory });
  coordinator = running;
  t.onTestFinished(async () => {
    running.stop();
    await running.done;
  });
  const { url } = running;
  const cacheDirectory = temporaryFolder(t);
  return {
    coordinator: running,
    server,
    url,
    config,
    log,
    addWorker: (ways) =>
      startNodeWorker({
        url,
        ...ways,
        name: 'honest',
        engine: 'reference',
        cacheDirectory,
        log: () => undefined,
      }),
  };
}

export async function evaluateNothing(): Promise<Evaluation> {
  return { loss: 0, accuracy: 0, confusion: [], examples: [] };
}

function eventsOf<Type extends RunEvent['type']>(
  { history }: EventLog,
  type: Type,
): RunEventOf<Type>[] {
  return history.filter((event): event is RunEventOf<Type> => event.type === type);
}

/** The next such event. */
export function next<Type extends RunEvent['type']>(
  log: EventLog,
  type: Type,
  isMeant: (event: RunEventOf<Type>) => boolean = () => true,
): Promise<RunEventOf<Type>> {
  return new Promise((resolve) => {
    const unsubscribe = log.subscribe((event) => {
      if (event.type !== type || !isMeant(event as RunEventOf<Type>)) return;
      unsubscribe();
      resolve(event as RunEventOf<Type>);
    });
  });
}

/** What became of a worker, and why. */
export function fateIn(log: EventLog, name: string): string[] {
  const events = eventsOf(log, 'worker').filter((event) => event.name === name);
  return events.map(({ action, reason }) => (reason ? `${action}: ${reason}` : action));
}

export function noticesIn(log: EventLog): string[] {
  return eventsOf(log, 'notice').map(({ message }) => message);
}
