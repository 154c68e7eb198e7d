// From flags to a run that can start: data checked, folder made or reopened, weights to go on from.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ownerOf } from '../coordinator/archive.ts';
import type { Snapshot } from '../coordinator/checkpoint.ts';
import { loadLatestCheckpoint } from '../coordinator/checkpoint-folder.ts';
import { storeCheckpoint } from '../coordinator/checkpoint-store.ts';
import { type LoadedDataset, loadDataset } from '../coordinator/dataset-files.ts';
import { createRunFolder, openRunFolder, type RunFolder } from '../coordinator/run-folder.ts';
import { listRuns } from '../coordinator/run-list.ts';
import { acquireRunLock, isRunLocked, type RunLock } from '../coordinator/run-lock.ts';
import type { Starting } from '../coordinator/starting.ts';
import type { MeasuredLine } from '../coordinator/survey-core.ts';
import { modelOf, type NetworkConfig, optimizerFor, type RunConfig } from '../shared/config.ts';
import type { Dataset } from '../shared/contracts.ts';
import { datasets } from '../shared/datasets/index.ts';
import { initialWeights } from '../shared/model/model.ts';
import { tensorsToWeights } from '../shared/model/state-dict.ts';
import { decodeSafetensors } from '../shared/safetensors.ts';
import { camelCase } from './command.ts';
import { CliError } from './exit-codes.ts';
import {
  type Chosen,
  refuseChosenBeside,
  withChoiceForLine,
  withChoiceForLines,
  withChoiceOf,
} from './line-choice.ts';
import { claimRun, isStarted, refuseOtherConfig } from './named-run.ts';
import { type ConfigFlags, configOf, configOptions } from './run-options.ts';
import { measuredSync } from './sync-options.ts';
import { tellWatcher } from './terminal/tell-watcher.ts';

export interface PreparedRun {
  /** False for one that goes on. */
  readonly isNew: boolean;
  readonly folder: RunFolder;
  readonly lock: RunLock;
  readonly dataset: Dataset;
  readonly start: Snapshot;
  /** What a person should know about how it starts. */
  readonly notices: readonly string[];
}

interface NewRunFlags extends ConfigFlags {
  readonly quiet?: boolean;
  /** Of one that is started, or gone on with where it was started before. */
  readonly runId?: string;
  /** Whoever held the run on another computer is gone. */
  readonly takeOver?: boolean;
  /** Folder of all runs. */
  readonly runs: string;
}

export interface Preparing {
  readonly starting: Starting;
  /** Measures the lines of those who come, for `--sync auto`. */
  readonly survey: (config: RunConfig, dataset: Dataset) => Promise<readonly MeasuredLine[]>;
}

/** The run that the flags ask for, new or not. */
export async function prepareRun(flags: ResumeFlags, preparing: Preparing): Promise<PreparedRun> {
  const isKnown = flags.runId !== undefined && (await isStarted(flags.runs, flags.runId));
  return flags.resume !== undefined || isKnown
    ? prepareResumedRun(flags, preparing)
    : prepareNewRun(flags, preparing);
}

async function prepareNewRun(flags: NewRunFlags, preparing: Preparing): Promise<PreparedRun> {
  const { runs: root, runId: id } = flags;
  if (flags.sync === measuredSync) refuseChosenBeside(flags);
  const loaded = await preparing.starting.during('data', loadData(flags));
  // First, so that nobody waits for what cannot be.
  const weights = await firstWeights(configOf(flags, loaded), flags.init);
  const chosen = await withChoice(flags, loaded, preparing);
  const config = configOf(chosen.flags, loaded);
  const notices = [
    ...chosen.notices,
    ...sliceNotices(flags, config),
    ...(await unfinishedNotices(root)),
  ];
  const start = newSnapshot(config, weights);
  // Killed before its first checkpoint, a run could not go on from the weights that it was given.
  const fill = (made: RunFolder): Promise<string> =>
    storeCheckpoint({
      directory: made.paths.checkpoints,
      snapshot: start,
      owner: ownerOf(made),
    });
  const claim = id === undefined ? undefined : await inRunFolder(claimRun(root, id, flags));
  const folder = await inRunFolder(createRunFolder(root, config, new Date(), { id, fill }));
  const lock = claim ?? (await inRunFolder(acquireRunLock(folder.directory)));
  return { isNew: true, folder, lock, dataset: loaded.dataset, start, notices };
}

async function withChoice(
  flags: ConfigFlags,
  loaded: LoadedDataset,
  { survey }: Preparing,
): Promise<Chosen> {
  if (flags.sync !== measuredSync) return withChoiceForLine(flags, loaded);
  const lines = await survey(configOf(flags, loaded), loaded.dataset);
  return withChoiceForLines(flags, loaded, lines);
}

interface ResumeFlags extends NewRunFlags {
  /** Folder of a run; empty for the latest that is unfinished. */
  readonly resume?: string;
}

/** Goes on with a run from its latest whole checkpoint. */
async function prepareResumedRun(
  flags: ResumeFlags,
  { starting }: Preparing,
): Promise<PreparedRun> {
  const { runId, runs } = flags;
  if (runId === undefined) refuseConfigFlags(flags);
  const named = runId === undefined ? flags.resume : join(runs, runId);
  const directory = named || (await latestUnfinished(runs));
  const folder = await inRunFolder(openRunFolder(directory));
  const lock = await inRunFolder(acquireRunLock(folder.directory, flags));
  try {
    const { config, paths } = folder;
    const known = runId === undefined && { dataset: config.dataset, ...config.shape };
    const loaded = await starting.during('data', loadData({ ...flags, ...known }));
    refuseOtherData(loaded, config, folder);
    if (runId !== undefined) {
      const chosen =
        flags.sync === measuredSync
          ? withChoiceOf(config, flags)
          : withChoiceForLine(flags, loaded).flags;
      refuseOtherConfig(configOf(chosen, loaded), folder);
    }
    const loading = loadLatestCheckpoint(paths.checkpoints, ownerOf(folder));
    const { snapshot, skipped } = await starting.during('checkpoint', loading);
    const notices = skipped.map(({ path, reason }) => `${path} is not used: ${reason}`);
    if (snapshot === undefined) {
      throw new CliError('run', `${directory} has no usable checkpoint.`, {
        hint: [...notices, 'Start the run again: tutti train'].join('\n'),
      });
    }
    return { isNew: false, folder, lock, dataset: loaded.dataset, start: snapshot, notices };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

function loadData({
  dataset = 'mnist',
  data,
  trainSamples,
  testSamples,
  quiet,
}: NewRunFlags): Promise<LoadedDataset> {
  return loadDataset({
    name: dataset,
    directory: data,
    trainSamples,
    testSamples,
    onSlow: quiet ? undefined : tellWatcher,
  });
}

function newSnapshot(config: RunConfig, weights: Float32Array): Snapshot {
  return {
    version: 0,
    epoch: 0,
    step: 0,
    weights,
    optimizer: optimizerFor(config).init(weights.length),
    epochTotals: { lossSum: 0, correct: 0, samples: 0, seconds: 0 },
  };
}

async function firstWeights(config: RunConfig, file: string | undefined): Promise<Float32Array> {
  const model = modelOf(config);
  if (file === undefined) return initialWeights(model, config.seed);
  return readWeights(config, file);
}

/** The weights in a .safetensors file; CliError when it is not one of this network. */
export async function readWeights(config: NetworkConfig, file: string): Promise<Float32Array> {
  try {
    return tensorsToWeights(modelOf(config), decodeSafetensors(await readFile(file)).tensors);
  } catch (cause) {
    throw new CliError('data', `${file} cannot be used: ${(cause as Error).message}`, { cause });
  }
}

function sliceNotices({ trainSamples, testSamples }: ConfigFlags, config: RunConfig): string[] {
  const [first, drawn] =
    datasets[config.dataset].format === 'png'
      ? ['', ', drawn from all classes']
      : ['the first ', ''];
  const notices: string[] = [];
  if (trainSamples) notices.push(`Only ${first}${trainSamples} training images are used${drawn}.`);
  if (testSamples) notices.push(`Only ${first}${testSamples} test images are used${drawn}.`);
  return notices;
}

async function latestUnfinished(root: string): Promise<string> {
  const run = (await listRuns(root)).find(({ state }) => state === 'unfinished');
  if (run?.state === 'unfinished') return join(root, run.folder.id);
  throw new CliError('run', `${root} holds no run that could go on.`, {
    hint: 'Start a new one: tutti train. Or name its folder: tutti train --resume runs/ID',
  });
}

/** The newest run that ended before its last step, and how to go on with it instead. */
async function unfinishedNotices(root: string): Promise<string[]> {
  const [newest] = await listRuns(root);
  if (newest?.state !== 'unfinished' || (await isRunLocked(newest.folder.directory))) return [];
  const { folder, epochs } = newest;
  const path = join(root, folder.id);
  const where = `${epochs} of ${folder.config.epochs} epochs`;
  return [`${path} stopped after ${where}; go on with it: npx tutti train --resume ${path}`];
}

/** A resumed run has its configuration already; only where its data lies may be told again. */
function refuseConfigFlags(flags: ConfigFlags): void {
  const free = new Set(['data', 'expect-workers']);
  const values = flags as Readonly<Record<string, unknown>>;
  for (const flag of Object.keys(configOptions)) {
    if (free.has(flag) || values[camelCase(flag)] === undefined) continue;
    throw new CliError('usage', `--${flag} cannot be changed when a run is resumed.`, {
      hint: 'Leave it out to go on with the run as it was, or start a new run without --resume.',
    });
  }
}

function refuseOtherData(loaded: LoadedDataset, config: RunConfig, { id }: RunFolder): void {
  if (loaded.dataHash === config.dataHash) return;
  throw new CliError('data', `${id} was trained on other data than this.`, {
    hint: 'Pass the folder of the original files with --data DIR.',
  });
}

async function inRunFolder<Result>(work: Promise<Result>): Promise<Result> {
  return work.catch((cause: Error) => {
    throw new CliError('run', cause.message, { cause });
  });
}
