// What a run is: everything that its result depends on, and nothing about who takes part in it.
import * as v from 'valibot';
import type { Optimizer } from './contracts.ts';
import { datasetNames } from './datasets/index.ts';
import { createMlp } from './model/mlp.ts';
import { activationNames, type Model } from './model/model.ts';
import { optimizerNames, optimizers } from './optimizers/index.ts';
import { withBuffers } from './optimizers/with-buffers.ts';
import { scheduleNames } from './schedules/index.ts';

const positiveInteger = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
const nonNegative = v.pipe(v.number(), v.finite(), v.minValue(0));
const fraction = v.pipe(v.number(), v.minValue(0), v.ltValue(1));

export const runConfigSchema = v.strictObject({
  dataset: v.picklist(datasetNames),
  /** SHA-256 over the four files: a resumed run refuses other data. */
  dataHash: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  shape: v.strictObject({
    trainSamples: positiveInteger,
    testSamples: positiveInteger,
    rows: positiveInteger,
    columns: positiveInteger,
    /** The confusion matrix of an epoch has to fit into one event. */
    classes: v.pipe(positiveInteger, v.maxValue(128)),
  }),
  model: v.strictObject({
    hidden: v.pipe(v.array(positiveInteger), v.maxLength(64)),
    activation: v.picklist(activationNames),
    /** Between each hidden Linear layer and its activation. */
    batchNorm: v.boolean(),
  }),
  /** Samples a step, over all workers. */
  batchSize: positiveInteger,
  testBatchSize: positiveInteger,
  /** Shards a step: a power of two. */
  shards: v.pipe(
    positiveInteger,
    v.maxValue(2 ** 16),
    v.check(isPowerOfTwo, 'shards must be a power of two'),
  ),
  epochs: positiveInteger,
  /** Ends the run after this many steps, if that comes before the last epoch. */
  maxSteps: v.optional(positiveInteger),
  seed: v.pipe(v.number(), v.safeInteger()),
  shuffle: v.boolean(),
  optimizer: v.strictObject({
    name: v.picklist(optimizerNames),
    learningRate: nonNegative,
    momentum: fraction,
    nesterov: v.boolean(),
    weightDecay: nonNegative,
  }),
  schedule: v.strictObject({
    name: v.picklist(scheduleNames),
    /** Steps of linear warm-up from 0. */
    warmupSteps: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
    /** For `step`: the rate is multiplied by `decay` every `decayEpochs` epochs. */
    decay: v.pipe(v.number(), v.gtValue(0), v.maxValue(1)),
    decayEpochs: positiveInteger,
  }),
});

export type RunConfig = v.InferOutput<typeof runConfigSchema>;

export function isPowerOfTwo(value: number): boolean {
  return value >= 1 && Number.isInteger(Math.log2(value));
}

/** Slices above this size gain little speed and cost balance between unequal workers. */
const largestDefaultSlice = 128;

/**
 * How many shards a step is cut into when nobody says: enough for every expected worker, small enough to
 * balance. A function of the configuration alone, because the sum of the gradients depends on it.
 */
export function defaultShards(batchSize: number, expectWorkers: number): number {
  let shards = 1;
  while (shards < expectWorkers || batchSize / shards > largestDefaultSlice) shards *= 2;
  while (shards > batchSize) shards /= 2;
  return shards;
}

/** The update rule of a run, for the flat vector of its network. */
export function optimizerOf(config: Pick<RunConfig, 'model' | 'shape' | 'optimizer'>): Optimizer {
  const { name, ...options } = config.optimizer;
  return withBuffers(optimizers[name](options), modelOf(config).trainableCount);
}

/** The network that a configuration describes. */
export function modelOf(config: Pick<RunConfig, 'model' | 'shape'>): Model {
  const { rows, columns, classes } = config.shape;
  return createMlp({ ...config.model, inputs: rows * columns, classes });
}
