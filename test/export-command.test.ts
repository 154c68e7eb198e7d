// Trained networks on their way out: what a run leaves for others, and `tutti runs export`.
import { readdir, readFile, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { readLog } from '../coordinator/append-log.ts';
import { loadDataset } from '../coordinator/dataset-files.ts';
import { evaluate } from '../coordinator/evaluation.ts';
import { readEvents } from '../coordinator/past-events.ts';
import { openRunFolder, type RunFolder } from '../coordinator/run-folder.ts';
import { decodeSafetensors } from '../shared/safetensors.ts';
import { inScope, quickRun, runTutti, type TestScope, temporaryFolder } from './support.ts';

const cwd = temporaryFolder({ onTestFinished: afterAll });
let folder: RunFolder;

beforeAll(async () => {
  const flags = [...quickRun, '--epochs=1', '--workers=1', '--port=0', '--quiet'];
  const ending = await inScope((t) => runTutti(t, ['train', ...flags], { cwd }));
  expect(ending).toEqual({ status: 0, stdout: '', stderr: '' });
  const [id] = await readdir(join(cwd, 'runs'));
  folder = await openRunFolder(join(cwd, 'runs', id));
});

describe('a finished run', () => {
  it('leaves a model that any ONNX runtime runs, as good as tutti itself says', async (t) => {
    const { stdout } = await runTutti(t, ['evaluate', folder.directory, '--json'], { cwd });
    const { accuracy, loss, confusion } = JSON.parse(stdout);
    const found = await evaluateOnnx(folder.paths.onnxModel);
    expect(found).toMatchObject({ accuracy, confusion });
    expect(found.loss).toBeCloseTo(loss, 5);
  });

  it('leaves its curves as pictures, and for TensorBoard', async () => {
    const names = await readdir(folder.directory);
    expect(names).toEqual(expect.arrayContaining(['curves.svg', 'curves.png']));
    expect(names.filter((name) => name.startsWith('events.out.tfevents.'))).toHaveLength(1);
  });
});

describe.concurrent('tutti runs export', () => {
  it('writes the very file that the run left, here and named after it', async (t) => {
    const here = temporaryFolder(t);
    const { status, stdout } = await runTutti(t, ['runs', 'export', folder.directory], {
      cwd: here,
    });
    expect(status).toBe(0);
    expect(stdout).toBe(`${folder.id}, as ONNX model: ${folder.id}.onnx\n`);
    const bytes = await readFile(join(here, `${folder.id}.onnx`));
    expect(bytes.equals(await readFile(folder.paths.onnxModel))).toBe(true);
    expect(await readdir(here)).toEqual([`${folder.id}.onnx`]);
  });

  it('makes a folder for TensorFlow.js', async (t) => {
    const { files } = await exportJson(t, folder.directory, '--format=tfjs', '--out=web/mnist');
    expect(files).toEqual([
      join('web', 'mnist', 'model.json'),
      join('web', 'mnist', 'weights.bin'),
    ]);
    const { userDefinedMetadata } = JSON.parse(await readFile(join(cwd, files[0]), 'utf8'));
    expect(userDefinedMetadata).toMatchObject({ run: folder.id, classNames: { length: 10 } });
  });

  it('takes a bare file and the flags of its network, and gives back its tensors', async (t) => {
    const here = temporaryFolder(t);
    const words = ['--hidden=32', '--format=safetensors', `--out=${here}`];
    const { files } = await exportJson(t, folder.paths.model, ...words);
    expect(files).toEqual([join(here, 'model.safetensors')]);
    const { tensors } = decodeSafetensors(await readFile(files[0]));
    expect(tensors).toEqual(decodeSafetensors(await readFile(folder.paths.model)).tensors);
  });

  it('writes every event as it was, of a run that is named', async (t) => {
    const { files } = await exportJson(t, folder.id, '--format=ndjson', '--out=events.txt');
    expect(files).toEqual(['events.txt']);
    const kept = await readLog(folder.paths.events);
    expect(await readLog(join(cwd, 'events.txt'))).toEqual(kept);
  });

  it('writes a table of every step, and one of the epochs', async (t) => {
    const { files } = await exportJson(t, folder.id, '--format=csv', '--out=tables');
    expect(files).toEqual([join('tables', 'steps.csv'), join('tables', 'epochs.csv')]);
    const [steps, epochs] = [await readTable(files[0]), await readTable(files[1])];
    expect(steps).toHaveLength(32);
    expect(steps[0]).toMatchObject({ step: '1', epoch: '1', learning_rate: '0.1', samples: '64' });
    expect(epochs).toHaveLength(1);
    const event = (await readEvents(folder.paths.events)).find(({ type }) => type === 'epoch');
    expect(event).toMatchObject({
      testLoss: Number(epochs[0].test_loss),
      weightsHash: epochs[0].weights_sha256,
    });
    const losses = steps.map(({ train_loss }) => Number(train_loss));
    const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
    expect(mean).toBeCloseTo(Number(epochs[0].train_loss), 9);
  });

  it('writes one event file for TensorBoard, with every step', async (t) => {
    const { files } = await exportJson(t, folder.id, '--format=tensorboard', '--out=board');
    expect(files).toHaveLength(1);
    const bytes = await readFile(join(cwd, files[0]));
    // A version, 32 steps with three figures, an epoch with four.
    expect(bytes.toString('latin1').split('loss/train').length - 1).toBe(32 + 1);
    expect(bytes.toString('latin1').split('loss/test').length - 1).toBe(1);
  });

  it('says what it cannot read or write, and how to go on', async (t) => {
    const exported = (...words: string[]) => runTutti(t, ['runs', 'export', ...words], { cwd });
    const noHistory = await exported(folder.paths.model, '--format=csv');
    expect(noHistory.status).toBe(5);
    const otherNetwork = await exported(folder.paths.model);
    expect(otherNetwork.status).toBe(3);
    expect(otherNetwork.stderr).toContain('It was made with --hidden 32 --activation relu');
    const noPlace = await exported(folder.directory, `--out=${folder.paths.config}/model.onnx`);
    expect(noPlace.status).toBe(1);
    expect(noPlace.stderr).toMatch(
      /^tutti: .*model\.onnx cannot be written: .*\nName another place with --out\.\n$/,
    );
  });
});

it('a run that was resumed after its end is exported from its newer checkpoint', async (t) => {
  await utimes(folder.paths.model, 0, 0);
  const { model } = await exportJson(t, folder.directory, '--out=resumed.onnx');
  expect(model).toBe(`${folder.id} after 32 steps`);
});

it('a run that is not finished is exported from its latest checkpoint', async (t) => {
  await rm(folder.paths.model);
  const { model } = await exportJson(t, folder.directory, '--out=latest.onnx');
  expect(model).toBe(`${folder.id} after 32 steps`);
  const bytes = await readFile(join(cwd, 'latest.onnx'));
  expect(bytes.equals(await readFile(folder.paths.onnxModel))).toBe(true);
});

/** Its rows, each value by the name of its column. */
async function readTable(path: string): Promise<Record<string, string>[]> {
  const [names, ...rows] = (await readFile(join(cwd, path), 'utf8')).trimEnd().split('\n');
  return rows.map((row) => {
    const cells = row.split(',');
    return Object.fromEntries(names.split(',').map((name, at) => [name, cells[at]]));
  });
}

async function exportJson(t: TestScope, ...words: string[]) {
  const { status, stdout } = await runTutti(t, ['runs', 'export', ...words, '--json'], { cwd });
  expect(status).toBe(0);
  return JSON.parse(stdout);
}

/** On the images that the run itself was evaluated on. */
async function evaluateOnnx(path: string) {
  const { InferenceSession, Tensor } = await import('onnxruntime-node');
  const session = await InferenceSession.create(path);
  onTestFinished(() => session.release());
  const { shape, dataset: name } = folder.config;
  const { dataset } = await loadDataset({ name, testSamples: shape.testSamples });
  const pixels = shape.rows * shape.columns;
  const predict = async (images: Uint8Array) => {
    const feeds = { images: new Tensor('uint8', images, [images.length / pixels, pixels]) };
    const { logits } = await session.run(feeds);
    return logits.data as Float32Array;
  };
  const { classes } = shape;
  return evaluate({ engine: { predict }, test: dataset.test, classes, batchSize: 100 });
}
