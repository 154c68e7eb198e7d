// A run of rounds without sockets: what workers and a coordinator do to the weights, in this process.
import {
  learningRateFor,
  modelOf,
  optimizerFor,
  planOf,
  type RunConfig,
} from '../shared/config.ts';
import type { Engine, OptimizerState, Slice, SliceResult } from '../shared/contracts.ts';
import { noiseOf } from '../shared/model/dropout.ts';
import { initialWeights } from '../shared/model/model.ts';
import { TreeSum } from '../shared/tree-sum.ts';
import { reference } from '../worker/engines/reference.ts';
import { localTrainingOf, takeLocalSteps } from '../worker/local-steps.ts';

export function initialOf(config: RunConfig): Float32Array {
  return initialWeights(modelOf(config), config.seed);
}

export interface ReplicaOptions {
  readonly config: RunConfig;
  readonly weights: Float32Array;
  readonly data: Slice;
  readonly shard: number;
  readonly version?: number;
  /** Told of every batch that the engine gets. */
  readonly onBatch?: (batch: Slice) => void;
}

/** What a worker answers for one shard: where local steps led, or its gradient. */
export async function answerOf({
  config,
  weights,
  data,
  shard,
  version = 0,
  onBatch,
}: ReplicaOptions): Promise<SliceResult> {
  const plan = planOf(config);
  const { epoch, step } = plan.position(version);
  const noise = noiseOf(config.seed, epoch, step, shard);
  const indices = plan.shardIndices(epoch, step, shard);
  const sliceOf = (wanted: Uint32Array) => pick(data, wanted);
  const engine = listened(await reference.create(modelOf(config)), onBatch);
  const training = localTrainingOf(config, plan, engine);
  if (training === undefined) {
    engine.load(weights);
    return engine.gradient({ ...sliceOf(indices), noise });
  }
  const isWanted = () => true;
  const round = { version, weights, indices, sliceOf, noise, isWanted };
  return (await takeLocalSteps(training, round))!;
}

function listened(engine: Engine, onBatch: (batch: Slice) => void = () => undefined): Engine {
  return {
    ...engine,
    load: (weights) => engine.load(weights),
    gradient: (batch) => {
      onBatch(batch);
      return engine.gradient(batch);
    },
  };
}

export function pick({ images, labels }: Slice, indices: Uint32Array): Slice {
  const bytes = images.length / labels.length;
  const pixels = [...indices].flatMap((at) => [...images.subarray(at * bytes, (at + 1) * bytes)]);
  return { images: Uint8Array.from(pixels), labels: Uint8Array.from(indices, (at) => labels[at]) };
}

/** Takes the step after `version` committed ones, in place. `null` answers for a shard without samples. */
export function commit(
  config: RunConfig,
  weights: Float32Array,
  version: number,
  answers: readonly (SliceResult | null)[],
  state: OptimizerState = optimizerFor(config).init(weights.length),
): void {
  const plan = planOf(config);
  const tree = new TreeSum(plan.shards);
  for (const [shard, answer] of answers.entries()) {
    tree.add(shard, 1, answer && { ...answer, gradient: answer.gradient.slice() });
  }
  optimizerFor(config).update({
    weights,
    state,
    gradientSum: tree.total!.gradient,
    samples: plan.stepSize(plan.position(version).step),
    learningRate: learningRateFor(config, plan)(version),
    step: version,
  });
}

/** The weights at the end of a whole run. */
export async function trainedBy(
  config: RunConfig,
  data: Slice,
  first = initialOf(config),
): Promise<Float32Array> {
  const plan = planOf(config);
  const weights = first.slice();
  const state = optimizerFor(config).init(weights.length);
  for (let version = 0; version < plan.totalSteps; version++) {
    const { step } = plan.position(version);
    const answers: (SliceResult | null)[] = [];
    for (let shard = 0; shard < plan.shards; shard++) {
      const isEmpty = plan.runSize(step, shard, 1) === 0;
      answers.push(isEmpty ? null : await answerOf({ config, weights, data, shard, version }));
    }
    commit(config, weights, version, answers, state);
  }
  return weights;
}
