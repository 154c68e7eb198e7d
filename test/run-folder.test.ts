import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  configHash,
  createRunFolder,
  openRunFolder,
  writeFinalModel,
} from '../coordinator/run-folder.ts';
import { listRuns } from '../coordinator/run-list.ts';
import { modelOf, type RunConfig } from '../shared/config.ts';
import { initialWeights } from '../shared/model/model.ts';
import { tensorsToWeights } from '../shared/model/state-dict.ts';
import { decodeSafetensors } from '../shared/safetensors.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const config: RunConfig = {
  dataset: 'mnist',
  dataHash: 'a'.repeat(64),
  shape: { trainSamples: 60, testSamples: 10, rows: 2, columns: 2, classes: 3 },
  model: { hidden: [5], activation: 'relu', batchNorm: false, dropout: 0 },
  loss: { labelSmoothing: 0 },
  codecs: { gradients: 'float32', weights: 'float32' },
  sync: { mode: 'step' },
  batchSize: 16,
  testBatchSize: 10,
  shards: 2,
  epochs: 4,
  seed: 1,
  shuffle: true,
  sharding: 'shuffled',
  optimizer: { name: 'sgd', learningRate: 0.1, momentum: 0, nesterov: false, weightDecay: 0 },
  schedule: { name: 'constant', warmupSteps: 0, decay: 0.5, decayEpochs: 1 },
};
const now = new Date('2026-11-22T10:54:12.345Z');

describe('the folder of a run', () => {
  it('is named after time and data set, and opens as it was made', async () => {
    const root = join(await temporaryDirectory(), 'runs');
    const made = await createRunFolder(root, config, now);
    expect(made.id).toMatch(/^20261122-105412-mnist-[0-9a-z]{4}$/);
    expect(made.directory).toBe(join(root, made.id));
    expect(await openRunFolder(made.directory)).toEqual(made);
    expect((await readdir(made.directory)).sort()).toEqual(['checkpoints', 'config.json']);
  });

  it('is none before it holds what it was made to hold', async () => {
    const root = await temporaryDirectory();
    const { id } = await createRunFolder(root, config, now, {
      fill: async ({ directory }) => {
        await expect(openRunFolder(directory)).rejects.toThrow('not the folder of a run');
      },
    });
    expect((await openRunFolder(join(root, id))).id).toBe(id);
  });

  it('keeps its id when it is renamed', async () => {
    const root = await temporaryDirectory();
    const { id, directory } = await createRunFolder(root, config, now);
    await rename(directory, join(root, 'favourite'));
    expect(await openRunFolder(join(root, 'favourite'))).toMatchObject({ id });
  });

  it('is nobody else’s, even when two runs of a second draw the same suffix', async () => {
    const root = await temporaryDirectory();
    const first = await createRunFolder(root, config, now, { drawSuffix: () => 'aaaa' });
    const drawn = ['aaaa', 'aaaa', 'bbbb'];
    const second = await createRunFolder(root, config, now, {
      drawSuffix: () => drawn.shift() ?? '',
    });
    expect(first.id).toBe('20261122-105412-mnist-aaaa');
    expect(second.id).toBe('20261122-105412-mnist-bbbb');
  });

  it('says when a folder is none, or its configuration is broken', async () => {
    const root = await temporaryDirectory();
    await expect(openRunFolder(root)).rejects.toThrow('not the folder of a run');
    await expect(openRunFolder(join(root, 'none'))).rejects.toThrow('not the folder of a run');
    const { directory, paths } = await createRunFolder(root, config, now);
    const text = await readFile(paths.config, 'utf8');
    await writeFile(paths.config, text.replace('"batchSize": 16', '"batchSize": -1'));
    await expect(openRunFolder(directory)).rejects.toThrow('is broken: config.batchSize: ');
    await writeFile(paths.config, text.replace('"formatVersion": 1', '"formatVersion": 9'));
    await expect(openRunFolder(directory)).rejects.toThrow('formatVersion: written by a version');
    await writeFile(paths.config, text.slice(0, 100));
    await expect(openRunFolder(directory)).rejects.toThrow('is broken: the file: ');
  });

  it('takes the final model', async () => {
    const folder = await createRunFolder(await temporaryDirectory(), config, now);
    const weights = initialWeights(modelOf(config), 3);
    await writeFinalModel(folder, weights);
    const { tensors, metadata } = decodeSafetensors(await readFile(folder.paths.model));
    expect(tensorsToWeights(modelOf(config), tensors)).toEqual(weights);
    expect(metadata).toEqual({ format: 'pt', run: folder.id });
    const names = ['checkpoints', 'config.json', 'model.onnx', 'model.safetensors'];
    expect((await readdir(folder.directory)).sort()).toEqual(names);
  });
});

describe('configHash', () => {
  it('differs with any value, and not with the order of the keys', () => {
    const reversed = Object.fromEntries(Object.entries(config).reverse()) as RunConfig;
    expect(configHash(reversed)).toBe(configHash(config));
    const variants: RunConfig[] = [
      { ...config, dataHash: 'b'.repeat(64) },
      { ...config, seed: 2 },
      { ...config, model: { ...config.model, hidden: [5, 5] } },
      { ...config, optimizer: { ...config.optimizer, nesterov: true } },
    ];
    expect(new Set([config, ...variants].map(configHash)).size).toBe(5);
  });
});

describe('the list of runs', () => {
  it('tells finished from unfinished, the newest first, and broken folders apart', async () => {
    const root = await temporaryDirectory();
    const finished = await createRunFolder(root, config, now);
    await writeEvents(finished.paths.events, [epoch(1, 0.8), epoch(2, 0.9), epoch(3, 0.85), end]);
    const resumed = await createRunFolder(root, config, new Date(now.getTime() + 1000));
    await writeEvents(resumed.paths.events, [epoch(1, 0.8), { ...end, reason: 'stopped' }]);
    const fresh = await createRunFolder(root, config, new Date(now.getTime() + 2000));
    await mkdir(join(root, 'empty'));
    await writeFile(join(root, 'notes.txt'), 'mine');
    expect(await listRuns(root)).toEqual([
      { state: 'unfinished', folder: fresh, epochs: 0 },
      { state: 'unfinished', folder: resumed, epochs: 1, bestAccuracy: 0.8 },
      { state: 'finished', folder: finished, epochs: 3, bestAccuracy: 0.9 },
      {
        state: 'broken',
        directory: join(root, 'empty'),
        problem: expect.stringContaining('not the folder of a run'),
      },
    ]);
    expect(await listRuns(join(root, 'none'))).toEqual([]);
  });
});

const common = { seq: 1, time: now.toISOString() };

const counters = {
  samplesCommitted: 1,
  samplesWasted: 0,
  gradientsAccepted: 1,
  gradientsDuplicate: 0,
  gradientsLate: 0,
  gradientsRejected: 0,
  bytesIn: 1,
  bytesOut: 1,
};

const end = {
  ...common,
  type: 'end',
  reason: 'completed',
  epochs: 3,
  version: 12,
  weightsHash: 'c'.repeat(64),
  runDirectory: 'runs/x',
  counters,
};

function epoch(number: number, testAccuracy: number): object {
  return {
    ...common,
    type: 'epoch',
    epoch: number,
    epochs: 4,
    version: 4 * number,
    trainLoss: 1,
    trainAccuracy: 0.5,
    testLoss: 1,
    testAccuracy,
    seconds: 1,
    samples: 60,
    samplesPerSecond: 60,
    workers: 1,
    ledger: { seen: 60, lost: 0, twice: 0 },
    counters,
    weightsHash: 'c'.repeat(64),
    confusion: [[1]],
  };
}

async function writeEvents(path: string, events: readonly object[]): Promise<void> {
  await writeFile(path, events.map((event) => `${JSON.stringify(event)}\n`).join(''));
}
