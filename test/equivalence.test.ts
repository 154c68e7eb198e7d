// The promise behind all others: who computes, and what becomes of them, does not change the result.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type LogRecord, readLog } from '../coordinator/append-log.ts';
import { loadDataset } from '../coordinator/dataset-files.ts';
import { auditLedger, readLedger } from '../coordinator/ledger.ts';
import { openRunFolder } from '../coordinator/run-folder.ts';
import { weightsHash as hashOf } from '../coordinator/weights-hash.ts';
import { modelOf } from '../shared/config.ts';
import type { RunEventOf } from '../shared/events.ts';
import { createMlp } from '../shared/model/mlp.ts';
import { initialWeights } from '../shared/model/model.ts';
import { modelToTensors, tensorsToWeights } from '../shared/model/state-dict.ts';
import { createPlan } from '../shared/plan.ts';
import { decodeSafetensors, encodeSafetensors } from '../shared/safetensors.ts';
import { engines } from '../worker/engines/index.ts';
import { type Cluster, inScope, newCluster, type TestScope, temporaryFolder } from './support.ts';

type FlatVector = Float32Array | Float64Array;

const batchSize = 64;
const model = createMlp({
  inputs: 784,
  hidden: [400, 200, 100],
  classes: 10,
  activation: 'relu',
});
/** From these no ReLU in twenty steps sees less than 1.7e-6: rounding flips none, on any processor. */
const firstWeights = initialWeights(model, 4);

describe('an epoch of twenty steps from given weights', () => {
  const flags = [
    '--train-samples=1280',
    '--test-samples=500',
    '--no-shuffle',
    '--shards=8',
    '--only-engine=onnx',
  ];
  const start = async (t: TestScope, workers: number, ...more: string[]) => {
    const cwd = temporaryFolder(t);
    const init = join(cwd, 'init.safetensors');
    await writeFile(init, encodeSafetensors(modelToTensors(model, firstWeights)));
    return newCluster(t, { workers, flags: [...flags, `--init=${init}`, ...more], cwd });
  };

  let alone: unknown[];
  beforeAll(async () => {
    alone = await inScope(async (t) => hashesOf(await outcomeOf(await start(t, 1, '--epochs=3'))));
  });

  it.for([2, 3, 4])('ends in the same bits with %i workers as with one', async (workers, t) => {
    const cluster = await start(t, workers, '--epochs=1000');
    await everybodyTookPart(cluster, workers);
    cluster.coordinator.kill('SIGINT');
    const together = hashesOf(await outcomeOf(cluster)).slice(0, alone.length);
    expect(together).toEqual(alone.slice(0, together.length));
  });

  it.for(['bfloat16', 'int8'])('ends in the same bits when it travels as %s', async (codec, t) => {
    const wire = [`--codec=${codec}`, '--weights-codec=float16', '--epochs=1'];
    const rounded = await inScope(async (scope) => {
      return hashesOf(await outcomeOf(await start(scope, 1, ...wire)));
    });
    expect(rounded).not.toEqual(alone.slice(0, 1));
    const cluster = await start(t, 3, ...wire);
    expect(hashesOf(await outcomeOf(cluster))).toEqual(rounded);
  });

  it('ends where plain arithmetic in float64 ends', async (t) => {
    const cluster = await start(t, 2, '--epochs=1');
    const [expected] = await Promise.all([trainPlainly(20), cluster.end()]);
    const trained = await trainedWeights(cluster);
    for (const { name, offset, size } of model.parameters) {
      const [found, meant] = [trained, expected].map((all) => all.subarray(offset, offset + size));
      expect(largestRelativeError(found, meant), name).toBeLessThan(1e-5);
    }
  });
});

describe('two epochs of 24,000 images', () => {
  const samples = 24_000;
  const flags = [`--train-samples=${samples}`, '--test-samples=500', '--epochs=2'];
  const start = (t: TestScope, workers: number, ...more: string[]) =>
    newCluster(t, {
      workers,
      flags: [...flags, '--hidden=32', '--shards=4', '--only-engine=onnx', ...more],
    });

  let undisturbed: Outcome;
  beforeAll(async () => {
    undisturbed = await inScope(async (t) => outcomeOf(await start(t, 1)));
  });

  it('show every image to one step an epoch, and save the weights that they end with', () => {
    expect(undisturbed.audit).toEqual([
      { epoch: 0, seen: samples, lost: [], twice: [] },
      { epoch: 1, seen: samples, lost: [], twice: [] },
    ]);
    expect(undisturbed.savedHash).toBe(undisturbed.end.weightsHash);
  });

  it('come out the same when workers join, are killed and leave on the way', async (t) => {
    const cluster = await start(t, 0);
    const { coordinator, addWorker, waitForWorker } = cluster;
    const first = addWorker('--name=first');
    await coordinator.waitForEvent('step');
    const second = addWorker('--name=second');
    addWorker('--name=third');
    await waitForWorker('second', 'ready');
    const { worker: third } = await waitForWorker('third', 'ready');
    first.kill('SIGKILL');
    await waitForWorker('first', 'left');
    second.kill('SIGTERM');
    expect(await second.exit).toBe(130);
    expect(await outcomeOf(cluster)).toEqual(undisturbed);
    expect(await contributorsOf(cluster)).toEqual(expect.arrayContaining(['w1', third]));
  });

  it('come out the same when they are interrupted and resumed', async (t) => {
    const { coordinator, workers, runDirectory } = await start(t, 1);
    await coordinator.waitForEvent('step', isInSecondEpoch);
    coordinator.kill('SIGINT');
    expect([await coordinator.exit, await workers[0].exit]).toEqual([130, 0]);
    const resumed = await newCluster(t, { flags: [`--resume=${runDirectory}`] });
    expect(await outcomeOf(resumed)).toEqual(undisturbed);
  });

  it('come out the same when the coordinator is killed and started again', async (t) => {
    const { coordinator, workers, port, runDirectory } = await start(t, 1);
    await coordinator.waitForEvent('step', isInSecondEpoch);
    coordinator.kill('SIGKILL');
    await coordinator.exit;
    const flags = [`--resume=${runDirectory}`];
    const again = await newCluster(t, { workers: 0, flags, port });
    expect(await outcomeOf(again)).toEqual(undisturbed);
    expect(await workers[0].exit).toBe(0);
    expect(workers[0].stdout).toMatch(/connected again\nthe run is over: completed/);
  });
});

type Outcome = Awaited<ReturnType<typeof outcomeOf>>;

/** All that a run leaves behind but times, speeds and names. */
async function outcomeOf(cluster: Cluster) {
  const { epochs, version, testAccuracy, weightsHash, counters } = await cluster.end();
  const { config, paths } = await openRunFolder(cluster.runDirectory);
  const { shape } = config;
  const plan = createPlan({ ...config, samples: shape.trainSamples });
  const audit = auditLedger(await readLedger(paths.ledger), { ...shape, ...plan });
  const events = await readLog(paths.events);
  return {
    end: { epochs, version, testAccuracy, weightsHash, samples: counters.samplesCommitted },
    epochs: events.filter(({ type }) => type === 'epoch').map(withoutTimes),
    audit,
    savedHash: hashOf(await trainedWeights(cluster)),
  };
}

async function trainedWeights({ runDirectory }: Cluster): Promise<Float32Array> {
  const { config, paths } = await openRunFolder(runDirectory);
  return tensorsToWeights(modelOf(config), decodeSafetensors(await readFile(paths.model)).tensors);
}

/** What it took, and whom, is another story every time; what came of it is not. */
function withoutTimes(epoch: LogRecord): LogRecord {
  const { seq, time, seconds, samplesPerSecond, workers, contributions, counters, ...rest } = epoch;
  const { samplesCommitted } = counters as RunEventOf<'epoch'>['counters'];
  return { ...rest, samplesCommitted };
}

/** Workers with a part in the result, as far as it is on disk. */
async function contributorsOf({ runDirectory }: Cluster): Promise<string[]> {
  const { paths } = await openRunFolder(runDirectory);
  const records = await readLedger(paths.ledger);
  return [...new Set(records.flatMap(({ shards }) => shards.map(({ worker }) => worker)))];
}

/** The ledger is on disk when a checkpoint is. */
async function everybodyTookPart(cluster: Cluster, workers: number): Promise<void> {
  for await (const { type } of cluster.coordinator.events()) {
    if (type === 'checkpoint' && (await contributorsOf(cluster)).length === workers) return;
  }
  throw new Error('the run ended before everybody took part');
}

function hashesOf({ epochs }: Outcome): unknown[] {
  return epochs.map(({ weightsHash }) => weightsHash);
}

/** Over the largest of the tensor. */
function largestRelativeError(found: FlatVector, meant: FlatVector): number {
  let error = 0;
  let scale = 0;
  for (let at = 0; at < meant.length; at++) {
    error = Math.max(error, Math.abs(found[at] - meant[at]));
    scale = Math.max(scale, Math.abs(meant[at]));
  }
  return error / scale;
}

/** Far enough for the end of the first to be on disk, and before the end of the second. */
function isInSecondEpoch({ epoch, step }: RunEventOf<'step'>): boolean {
  return epoch === 2 && step > 50;
}

/** Gradient descent as textbooks have it: one batch, one gradient, one update. */
async function trainPlainly(steps: number): Promise<Float64Array> {
  const { train } = (await loadDataset({ name: 'mnist' })).dataset;
  const engine = await engines.reference.create(model);
  const weights = Float64Array.from(firstWeights);
  for (let step = 0; step < steps; step++) {
    const [first, last] = [step * batchSize, (step + 1) * batchSize];
    engine.load(Float32Array.from(weights));
    const { gradient } = await engine.gradient({
      images: train.images.subarray(first * model.inputs, last * model.inputs),
      labels: train.labels.subarray(first, last),
    });
    for (let at = 0; at < weights.length; at++) weights[at] -= (0.1 * gradient[at]) / batchSize;
  }
  return weights;
}
