// What a run is: everything that its result depends on, and nothing about who takes part in it.
import * as v from 'valibot';
import { codecNames } from './codecs/index.ts';
import type { GradientCodec } from './codecs/rounding.ts';
import type { DatasetShape, DatasetSource, Optimizer } from './contracts.ts';
import { type DatasetName, datasetNames, datasets } from './datasets/index.ts';
import { createMlp } from './model/mlp.ts';
import { activationNames, type Model } from './model/model.ts';
import { optimizerOf } from './optimizers/index.ts';
import { optimizerSchema } from './optimizers/schema.ts';
import { withBuffers } from './optimizers/with-buffers.ts';
import { createPlan, type Plan } from './plan.ts';
import { scheduleNames } from './schedules/index.ts';
import { shardingNames } from './shardings/index.ts';

const positiveInteger = v.pipe(v.number(), v.safeInteger(), v.minValue(1));

/** The confusion matrix of an epoch has to fit into one event. */
export const maxClasses = 128;

const shapeSchema = v.pipe(
  v.strictObject({
    trainSamples: positiveInteger,
    testSamples: positiveInteger,
    rows: positiveInteger,
    columns: positiveInteger,
    classes: v.pipe(positiveInteger, v.maxValue(maxClasses)),
    /** Names of folders, from anywhere: clean them before they are shown. */
    classNames: v.optional(
      v.pipe(
        v.array(v.pipe(v.string(), v.minLength(1), v.maxLength(255))),
        v.maxLength(maxClasses),
      ),
    ),
  }),
  v.check(
    ({ classes, classNames }) => classNames === undefined || classNames.length === classes,
    'every class must have one name',
  ),
);

export const runConfigSchema = v.strictObject({
  dataset: v.picklist(datasetNames),
  /** SHA-256 over the shape and the samples: a resumed run refuses other data. */
  dataHash: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  shape: shapeSchema,
  model: v.strictObject({
    hidden: v.pipe(v.array(positiveInteger), v.maxLength(64)),
    activation: v.picklist(activationNames),
    /** Between each hidden Linear layer and its activation. */
    batchNorm: v.boolean(),
    /** After each activation: the part of its values that a step leaves out. */
    dropout: v.pipe(v.number(), v.minValue(0), v.ltValue(1)),
  }),
  loss: v.strictObject({
    /** What every wrong answer shares of the probability that the label gives up. */
    labelSmoothing: v.pipe(v.number(), v.minValue(0), v.ltValue(1)),
  }),
  /** As `onnx:cpu`: every worker computes with it, so that equal bits are promised. Without it, any will do. */
  engine: v.optional(v.pipe(v.string(), v.regex(/^[\w-]{1,30}:[\w-]{1,30}$/))),
  /** Samples a step, over all workers. */
  batchSize: positiveInteger,
  testBatchSize: positiveInteger,
  /** Shards a step: a power of two. */
  shards: v.pipe(
    positiveInteger,
    v.maxValue(2 ** 16),
    v.check(isPowerOfTwo, 'shards must be a power of two'),
  ),
  /** How numbers travel. What is lost on the way is part of the result. */
  codecs: v.strictObject({
    gradients: v.picklist(codecNames),
    weights: v.picklist(codecNames),
  }),
  epochs: positiveInteger,
  /** Ends the run after this many steps, if that comes before the last epoch. */
  maxSteps: v.optional(positiveInteger),
  seed: v.pipe(v.number(), v.safeInteger()),
  shuffle: v.boolean(),
  sharding: v.picklist(shardingNames),
  optimizer: optimizerSchema,
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

/** All that its network follows from. */
export type NetworkConfig = Pick<RunConfig, 'model' | 'loss' | 'shape'>;

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

/** Which samples each step and shard has. */
export function planOf(config: RunConfig): Plan {
  return createPlan({ ...config, samples: config.shape.trainSamples });
}

/** The update rule of a run, for the flat vector of its network. */
export function optimizerFor(config: NetworkConfig & Pick<RunConfig, 'optimizer'>): Optimizer {
  return withBuffers(optimizerOf(config.optimizer), modelOf(config).trainableCount);
}

/** The network that a configuration describes, and what it is trained towards. */
export function modelOf(config: NetworkConfig): Model {
  const { rows, columns, classes } = config.shape;
  return createMlp({ ...config.model, ...config.loss, inputs: rows * columns, classes });
}

export function gradientCodecOf({
  codecs,
  seed,
}: Pick<RunConfig, 'codecs' | 'seed'>): GradientCodec {
  return { codec: codecs.gradients, seed };
}

/** What the classes are called: as the data itself says, else as its kind says, else by number. */
export function classNamesOf({ dataset, shape }: ClassNaming): readonly string[] {
  const source: DatasetSource = datasets[dataset];
  const numbers = Array.from({ length: shape.classes }, (_, label) => String(label));
  return shape.classNames ?? source.classNames ?? numbers;
}

interface ClassNaming {
  readonly dataset: DatasetName;
  readonly shape: DatasetShape;
}
