// What a run is: everything that its result depends on, and nothing about who takes part in it.
import * as v from 'valibot';
import { aggregationNames } from './aggregations/names.ts';
import { hasFeedback } from './codecs/index.ts';
import { codecsSchema } from './codecs/schema.ts';
import type { DatasetShape, DatasetSource, Optimizer } from './contracts.ts';
import { type DatasetName, datasetNames, datasets } from './datasets/index.ts';
import { createMlp } from './model/mlp.ts';
import { activationNames, type Model } from './model/model.ts';
import { withAverage } from './optimizers/average.ts';
import { optimizerOf } from './optimizers/index.ts';
import { outerOptimizer, withReplicaBuffers } from './optimizers/outer.ts';
import { optimizerSchema } from './optimizers/schema.ts';
import { withBuffers } from './optimizers/with-buffers.ts';
import { createPlan, type Plan } from './plan.ts';
import { learningRateOf, scheduleNames } from './schedules/index.ts';
import { shardingNames } from './shardings/index.ts';
import { localStepsOf, syncSchema } from './sync.ts';

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

const entries = v.strictObject({
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
  /** When what the workers learn becomes one. */
  sync: syncSchema,
  /** What the gradients of a step's shards become one by; their mean where nothing is said. */
  aggregation: v.optional(v.picklist(aggregationNames)),
  /** Samples a step, over all workers; with local steps, samples of one such step. */
  batchSize: positiveInteger,
  testBatchSize: positiveInteger,
  /** Shards a step: a power of two. With local steps each is a replica. */
  shards: v.pipe(
    positiveInteger,
    v.maxValue(2 ** 16),
    v.check(isPowerOfTwo, 'shards must be a power of two'),
  ),
  /** How numbers travel. */
  codecs: codecsSchema,
  epochs: positiveInteger,
  /** Ends the run after this many steps, rounds where they are, if that comes before the last epoch. */
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

/**
 * Whatever a batch can do by itself goes with local steps. What an optimizer remembers begins anew with every round: a
 * momentum of ten steps may, moments that are means over a thousand may not.
 */
export const runConfigSchema = v.pipe(
  entries,
  v.forward(
    v.check(
      ({ sync, optimizer }) => sync.mode === 'step' || optimizer.name === 'sgd',
      'local steps are those of sgd: the moments of others would begin anew with every round',
    ),
    ['optimizer', 'name'],
  ),
  v.forward(
    v.check(
      ({ codecs, model }) => !hasFeedback(codecs.gradients) || !model.batchNorm,
      'topk would leave out most of what batch norm has to know',
    ),
    ['codecs', 'gradients'],
  ),
);

export type RunConfig = v.InferOutput<typeof runConfigSchema>;

/** All that its network follows from. */
export type NetworkConfig = Pick<RunConfig, 'model' | 'loss' | 'shape'>;

export function isPowerOfTwo(value: number): boolean {
  return value >= 1 && Number.isInteger(Math.log2(value));
}

/** Slices above this size gain little speed and cost balance between unequal workers. */
const largestDefaultSlice = 256;

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

/** One for every expected worker, as far as a power of two allows: each batch is a replica's own. */
export function defaultReplicas(expectWorkers: number): number {
  return 2 ** Math.ceil(Math.log2(expectWorkers));
}

/** Which samples each step and shard has. */
export function planOf(config: RunConfig): Plan {
  const { sync, shards, shape } = config;
  const batchSize =
    sync.mode === 'local' ? shards * sync.localSteps * config.batchSize : config.batchSize;
  return createPlan({ ...config, samples: shape.trainSamples, batchSize });
}

/** The update rule of a run's steps, for the flat vector of its network. */
export function optimizerFor(config: UpdateConfig): Optimizer {
  const { sync, optimizer } = config;
  const { trainableCount } = modelOf(config);
  if (sync.mode === 'step') return withBuffers(optimizerOf(optimizer), trainableCount);
  const outer = outerOptimizer(sync);
  const averaged = optimizer.ema === undefined ? outer : withAverage(outer, optimizer.ema);
  return withReplicaBuffers(averaged, trainableCount);
}

/** That of its local steps. Their weights are averaged where the replicas become one. */
export function localOptimizerFor(config: UpdateConfig): Optimizer {
  const { ema: _, ...optimizer } = config.optimizer;
  return withBuffers(optimizerOf(optimizer), modelOf(config).trainableCount);
}

type UpdateConfig = NetworkConfig & Pick<RunConfig, 'optimizer' | 'sync'>;

/**
 * The learning rate in the step that follows `version` committed ones; in a round, that of a local step, from 0, or
 * of the last one. Local steps are counted as if the replicas took theirs together, so that a schedule sees an epoch
 * as it would with all their batches in one. `base` takes the place of the configured rate.
 */
export function learningRateFor(
  config: RunConfig,
  plan: Plan,
): (version: number, localStep?: number, base?: number) => number {
  const { sync, shards, batchSize, shape } = config;
  const replicas = sync.mode === 'local' ? shards : 1;
  const stepsPerEpoch = Math.ceil(shape.trainSamples / (replicas * batchSize));
  const before = (version: number): number => {
    const { epoch, step } = plan.position(version);
    return epoch * stepsPerEpoch + step * localStepsOf(sync);
  };
  const span = { stepsPerEpoch, totalSteps: before(plan.totalSteps) };
  const factorAt = learningRateOf({ ...config, optimizer: { learningRate: 1 } }, span);
  return (version, localStep, base = config.optimizer.learningRate) =>
    base *
    factorAt(localStep === undefined ? before(version + 1) - 1 : before(version) + localStep);
}

/** The network that a configuration describes, and what it is trained towards. */
export function modelOf(config: NetworkConfig): Model {
  const { rows, columns, classes } = config.shape;
  return createMlp({ ...config.model, ...config.loss, inputs: rows * columns, classes });
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
