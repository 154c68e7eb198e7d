// The flags that describe a run, and the configuration that they come to.
import * as v from 'valibot';
import type { LoadedDataset } from '../coordinator/dataset-files.ts';
import { codecNames, hasFeedback, weightsCodecNames } from '../shared/codecs/index.ts';
import {
  defaultReplicas,
  defaultShards,
  type RunConfig,
  runConfigSchema,
} from '../shared/config.ts';
import { datasetNames } from '../shared/datasets/index.ts';
import { activationNames } from '../shared/model/model.ts';
import { type OptimizerName, optimizerNames, optimizers } from '../shared/optimizers/index.ts';
import { optimizerOptionNames } from '../shared/optimizers/schema.ts';
import { scheduleNames } from '../shared/schedules/index.ts';
import { shardingNames } from '../shared/shardings/index.ts';
import { engineOf, engineSpecs } from '../worker/engines/index.ts';
import { aggregationOf, aggregationOptions } from './aggregation-options.ts';
import { kebabCase, type ValuesOf } from './command.ts';
import { CliError } from './exit-codes.ts';
import { syncConfigOf, syncOptions } from './sync-options.ts';

const number = (describe: string, byDefault: number | string) =>
  ({ type: 'number', describe, defaultDescription: String(byDefault), requiresArg: true }) as const;

/** A default of each optimizer: `sgd 0.1, adam 0.001`. */
function byOptimizer(select: (kind: (typeof optimizers)[OptimizerName]) => number): string {
  return optimizerNames.map((name) => `${name} ${select(optimizers[name])}`).join(', ');
}

const defaultTopK = 0.01;
const sgd = optimizers.sgd.defaults;
const adam = optimizers.adam.defaults;

/** Flags without yargs defaults, so that a resumed run can tell which were given. */
export const configOptions = {
  dataset: {
    choices: datasetNames,
    describe: 'What to learn',
    defaultDescription: 'mnist',
    group: 'Data:',
  },
  data: {
    type: 'string',
    describe: 'Folder of the IDX files, plain or .gz, or of train/CLASS/*.png and test/CLASS/*.png',
    defaultDescription: 'the ones that came with npm',
    requiresArg: true,
    group: 'Data:',
  },
  'train-samples': {
    ...number('Only the first N training images; of PNGs, N from all classes', 'all'),
    group: 'Data:',
  },
  'test-samples': {
    ...number('Only the first N test images; of PNGs, N from all classes', 'all'),
    group: 'Data:',
  },
  shuffle: {
    type: 'boolean',
    describe: 'A new order of the samples each epoch; --no-shuffle keeps the order of the files',
    defaultDescription: 'true',
    group: 'Data:',
  },
  sharding: {
    choices: shardingNames,
    describe: 'sticky: a shard keeps its part of the data, so a worker need not fetch it all',
    defaultDescription: 'shuffled',
    group: 'Data:',
  },
  hidden: {
    type: 'string',
    describe: 'Widths of the hidden layers; "" for none',
    defaultDescription: '400,200,100',
    group: 'Network:',
  },
  activation: {
    choices: activationNames,
    describe: 'Between the layers',
    defaultDescription: 'relu',
    group: 'Network:',
  },
  'batch-norm': {
    type: 'boolean',
    describe: 'BatchNorm1d before each activation, over the samples of a shard',
    group: 'Network:',
  },
  dropout: {
    ...number('Part of the values after each activation that a step leaves out', 0),
    group: 'Network:',
  },
  init: {
    type: 'string',
    describe: 'Start from the weights in this .safetensors file',
    requiresArg: true,
    group: 'Network:',
  },
  epochs: { ...number('Passes over the training set', 20), group: 'Training:' },
  'max-steps': { ...number('End after this many steps, or rounds', 'none'), group: 'Training:' },
  'batch-size': {
    ...number('Samples a step, over all workers; with --sync local, a local step', 64),
    group: 'Training:',
  },
  'test-batch-size': { ...number('Samples a batch of the evaluation', 128), group: 'Training:' },
  seed: { ...number('Of the initial weights and of the order', 0), group: 'Training:' },
  optimizer: {
    choices: optimizerNames,
    describe: 'Update rule',
    defaultDescription: 'sgd',
    group: 'Training:',
  },
  'learning-rate': {
    ...number(
      'Step size',
      byOptimizer(({ defaultLearningRate }) => defaultLearningRate),
    ),
    alias: 'lr',
    group: 'Training:',
  },
  momentum: { ...number('Of sgd', sgd.momentum), group: 'Training:' },
  nesterov: { type: 'boolean', describe: "Of sgd: Nesterov's momentum", group: 'Training:' },
  'weight-decay': {
    ...number(
      'L2 penalty; adamw keeps it out of the gradient',
      byOptimizer(({ defaults }) => defaults.weightDecay),
    ),
    group: 'Training:',
  },
  beta1: {
    ...number('Of adam and adamw: decay of the mean gradient', adam.beta1),
    group: 'Training:',
  },
  beta2: {
    ...number('Of adam and adamw: decay of the mean square', adam.beta2),
    group: 'Training:',
  },
  epsilon: {
    ...number('Of adam and adamw: added to the divisor', adam.epsilon),
    group: 'Training:',
  },
  'clip-norm': {
    ...number('Scale mean gradients down to this L2 norm', 'none'),
    group: 'Training:',
  },
  ema: {
    ...number('Evaluate and save a moving average of the weights, with this decay', 'none'),
    group: 'Training:',
  },
  'label-smoothing': {
    ...number('Part of the probability that the label gives up to all classes', 0),
    group: 'Training:',
  },
  schedule: {
    choices: scheduleNames,
    describe: 'How the learning rate changes',
    defaultDescription: 'constant',
    group: 'Training:',
  },
  'warmup-steps': { ...number('Steps of linear warm-up', 0), group: 'Training:' },
  'lr-decay': { ...number('Factor of the step schedule', 0.1), group: 'Training:' },
  'lr-decay-epochs': { ...number('Epochs between its drops', 10), group: 'Training:' },
  codec: {
    choices: codecNames,
    describe: 'How gradients travel',
    defaultDescription: 'float32',
    group: 'Cluster:',
  },
  'top-k': {
    ...number('With --codec topk: the part of all values that is sent', defaultTopK),
    group: 'Cluster:',
  },
  'weights-codec': {
    choices: weightsCodecNames,
    describe: 'How weights travel',
    defaultDescription: 'float32',
    group: 'Cluster:',
  },
  'only-engine': {
    choices: engineSpecs,
    describe: 'Every worker computes with this one, for equal bits whoever takes part',
    defaultDescription: 'any',
    group: 'Cluster:',
  },
  shards: {
    ...number(
      'Pieces that a step is cut into, or replicas; a power of two',
      'from batch size and workers',
    ),
    group: 'Cluster:',
  },
  ...aggregationOptions,
  ...syncOptions,
  'expect-workers': {
    ...number('Workers to cut the steps for; more may join as spares, fewer do', 2),
    group: 'Cluster:',
  },
} as const;

const { dataset, data, hidden, activation, 'batch-norm': batchNorm, dropout } = configOptions;

/** What a bare .safetensors file does not say of itself: its network, and the data that it is for. */
export const fileOptions = {
  dataset,
  data,
  hidden,
  activation,
  'batch-norm': batchNorm,
  dropout,
} as const;

/** Undefined where a flag was not given. */
export type ConfigFlags = Partial<ValuesOf<typeof configOptions>>;

export const defaultExpectWorkers = 2;

/** Throws CliError that names the flag whose value cannot be. */
export function configOf(flags: ConfigFlags, { dataset, dataHash }: LoadedDataset): RunConfig {
  const { batchSize = 64, expectWorkers = defaultExpectWorkers, maxSteps } = flags;
  atLeastOne('batch-size', batchSize);
  atLeastOne('expect-workers', expectWorkers);
  const sync = syncConfigOf(flags);
  const shards =
    sync.mode === 'local'
      ? defaultReplicas(expectWorkers)
      : defaultShards(batchSize, expectWorkers);
  const config = {
    dataset: flags.dataset ?? 'mnist',
    dataHash,
    shape: dataset.shape,
    model: networkOf(flags),
    loss: { labelSmoothing: flags.labelSmoothing ?? 0 },
    sync,
    batchSize,
    testBatchSize: flags.testBatchSize ?? 128,
    codecs: codecsOf(flags),
    shards: flags.shards ?? shards,
    epochs: flags.epochs ?? 20,
    ...(maxSteps !== undefined && { maxSteps }),
    ...onlyEngineOf(flags),
    seed: flags.seed ?? 0,
    shuffle: flags.shuffle ?? true,
    sharding: flags.sharding ?? 'shuffled',
    optimizer: optimizerConfigOf(flags),
    schedule: {
      name: flags.schedule ?? 'constant',
      warmupSteps: flags.warmupSteps ?? 0,
      decay: flags.lrDecay ?? 0.1,
      decayEpochs: flags.lrDecayEpochs ?? 10,
    },
  };
  const parsed = v.safeParse(runConfigSchema, config);
  if (parsed.success) {
    return { ...parsed.output, ...aggregationOf(flags.aggregation, parsed.output) };
  }
  const [issue] = parsed.issues;
  const path = v.getDotPath(issue) ?? '';
  throw new CliError('usage', `${flagOf(path)}: ${issue.message}.`);
}

function networkOf({ hidden, activation, batchNorm, dropout }: ConfigFlags): RunConfig['model'] {
  return {
    hidden: parseHidden(hidden ?? '400,200,100'),
    activation: activation ?? 'relu',
    batchNorm: batchNorm ?? false,
    dropout: dropout ?? 0,
  };
}

function codecsOf({ codec = 'float32', weightsCodec = 'float32', topK }: ConfigFlags): object {
  const part = topK ?? (hasFeedback(codec) ? defaultTopK : undefined);
  return { gradients: codec, weights: weightsCodec, ...(part !== undefined && { topK: part }) };
}

function onlyEngineOf({ onlyEngine }: ConfigFlags): Pick<RunConfig, 'engine'> {
  return onlyEngine === undefined ? {} : { engine: engineOf(onlyEngine).spec };
}

/** What the flags say, and the optimizer's own defaults for the rest. Flags that it does not have stay in. */
function optimizerConfigOf(flags: ConfigFlags): object {
  const { optimizer: name = 'sgd', clipNorm, ema } = flags;
  const { defaultLearningRate, defaults } = optimizers[name];
  const options = optimizerOptionNames.filter((option) => flags[option] !== undefined);
  return {
    name,
    learningRate: flags.learningRate ?? defaultLearningRate,
    ...defaults,
    ...Object.fromEntries(options.map((option) => [option, flags[option]])),
    ...(clipNorm !== undefined && { clipNorm }),
    ...(ema !== undefined && { ema }),
  };
}

function parseHidden(text: string): number[] {
  if (text.trim() === '') return [];
  return text.split(',').map((part) => {
    const width = Number(part);
    if (Number.isSafeInteger(width) && width > 0) return width;
    const message = `--hidden: "${part}" is not the width of a layer.`;
    throw new CliError('usage', message, { hint: 'Example: --hidden 400,200,100' });
  });
}

function atLeastOne(flag: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 1) return;
  throw new CliError('usage', `--${flag}: expected a whole number from 1, got ${value}.`);
}

const renamedFlags: Readonly<Record<string, string>> = {
  'optimizer.name': 'optimizer',
  'schedule.decay': 'lr-decay',
  'codecs.gradients': 'codec',
  'schedule.decayEpochs': 'lr-decay-epochs',
};

/** `optimizer.learningRate` in the configuration is --learning-rate here. */
function flagOf(path: string): string {
  const last = path.split('.').findLast((part) => Number.isNaN(Number(part))) ?? path;
  return `--${renamedFlags[path] ?? kebabCase(last)}`;
}
