// Trained weights with their network, from whatever a user names: a run's folder or a .safetensors file.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { ownerOf } from '../coordinator/archive.ts';
import { loadLatestCheckpoint } from '../coordinator/checkpoint-folder.ts';
import { type LoadedDataset, loadDataset } from '../coordinator/dataset-files.ts';
import { openRunFolder } from '../coordinator/run-folder.ts';
import { modelOf, type RunConfig } from '../shared/config.ts';
import type { Engine } from '../shared/contracts.ts';
import { evaluatedWeights } from '../shared/optimizers/average.ts';
import { chooseEngine } from '../worker/engines/choose.ts';
import { engineChoices as choices } from '../worker/engines/index.ts';
import { CliError } from './exit-codes.ts';
import { readWeights } from './prepare-run.ts';
import { type ConfigFlags, configOf } from './run-options.ts';
import { tellWatcher } from './terminal/tell-watcher.ts';

/** The network and its weights. */
export interface OpenedModel {
  readonly config: RunConfig;
  readonly weights: Float32Array;
  /** What the weights are called in what is printed. */
  readonly title: string;
  /** Id of the run that trained them; a bare file has none. */
  readonly run?: string;
}

/** With the data that it is asked about. */
export interface TrainedModel extends OpenedModel {
  readonly loaded: LoadedDataset;
}

/** `flags` describe the network of a bare file and where the data is; a run knows its own network. */
export async function openTrainedModel(path: string, flags: ConfigFlags): Promise<TrainedModel> {
  if (!(await isFolder(path))) return openFile(path, flags);
  const opened = await openRun(path);
  const { dataset, shape } = opened.config;
  const { trainSamples, testSamples } = shape;
  const source = { name: dataset, directory: flags.data, onSlow: tellWatcher };
  // As many images as the run itself was evaluated on.
  const loaded = await loadDataset({ ...source, trainSamples, testSamples });
  refuseOtherShape(loaded, opened);
  return { ...opened, loaded };
}

/** The same without data, as far as that goes: only a bare file needs it, to tell the shape of its images. */
export async function openModel(path: string, flags: ConfigFlags): Promise<OpenedModel> {
  return (await isFolder(path)) ? openRun(path) : openFile(path, flags);
}

async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (found) return found.isDirectory();
  throw new CliError('run', `${path} does not exist.`, {
    hint: 'Name a run folder (see: tutti runs ls) or a .safetensors file.',
  });
}

async function openRun(path: string): Promise<OpenedModel> {
  const folder = await openRunFolder(path).catch((cause: Error) => {
    throw new CliError('run', cause.message, { cause });
  });
  const { config, paths, id: run } = folder;
  const latest = await loadLatestCheckpoint(paths.checkpoints, ownerOf(folder));
  const modelAt = await writtenAt(paths.model);
  // The model is what a run ends with; one that was resumed since has newer checkpoints.
  if (latest.snapshot && (await writtenAt(latest.path)) > modelAt) {
    const { snapshot } = latest;
    const title = `${run} after ${snapshot.version} steps`;
    return { config, title, run, weights: evaluatedWeights(snapshot) };
  }
  if (modelAt >= 0)
    return { config, title: run, run, weights: await readWeights(config, paths.model) };
  throw new CliError('run', `${path} has neither a model nor a checkpoint yet.`, {
    hint: `Go on with it: tutti train --resume ${join(path)}`,
  });
}

/** In milliseconds since 1970; -1 for what is not there. */
async function writtenAt(path: string): Promise<number> {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => -1,
  );
}

/** Other images will do; images of another size or of other classes mean nothing to this network. */
function refuseOtherShape({ dataset }: LoadedDataset, { config, title }: OpenedModel): void {
  if (isDeepStrictEqual(dataset.shape, config.shape)) return;
  throw new CliError(
    'data',
    `${title} was trained on images of another size or of other classes.`,
    {
      hint: 'Pass the folder of the original files, or of others like them, with --data DIR.',
    },
  );
}

async function openFile(path: string, flags: ConfigFlags): Promise<TrainedModel> {
  const loaded = await loadDataset({
    name: flags.dataset ?? 'mnist',
    directory: flags.data,
    onSlow: tellWatcher,
  });
  const config = configOf(flags, loaded);
  return { config, loaded, title: path, weights: await readWeights(config, path) };
}

/** The engine with the weights loaded; whoever calls disposes of it. */
export async function engineFor({ config, weights }: TrainedModel, spec: string): Promise<Engine> {
  const model = modelOf(config);
  const options = { spec, choices, model, sliceSize: config.testBatchSize };
  const { engine } = await chooseEngine(options).catch((cause: Error) => {
    throw new CliError('engine', cause.message, { cause });
  });
  engine.load(weights);
  return engine;
}
