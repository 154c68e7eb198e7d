// A round of one replica: plain training on its shard, batch by batch, from the weights that all replicas begin with.
import { learningRateFor, localOptimizerFor, modelOf, type RunConfig } from '../shared/config.ts';
import type { Engine, Optimizer, OptimizerState, Slice, SliceResult } from '../shared/contracts.ts';
import { noiseOfLocalStep } from '../shared/model/dropout.ts';
import type { Plan } from '../shared/plan.ts';
import { blend } from '../shared/vectors/loops.ts';

export interface LocalTraining {
  readonly engine: Engine;
  readonly optimizer: Optimizer;
  /** Begins anew with every round: replicas are not tied to workers, so nothing can be remembered for them. */
  readonly state: OptimizerState;
  readonly batchSize: number;
  /** Of a local step, from 0, in the round after `version` committed ones; `base` in place of the configured one. */
  readonly learningRate: (version: number, localStep: number, base?: number) => number;
}

/** Undefined where workers sync at every step. */
export function localTrainingOf(
  config: RunConfig,
  plan: Plan,
  engine: Engine,
): LocalTraining | undefined {
  if (config.sync.mode === 'step') return undefined;
  const { batchSize } = config;
  const optimizer = localOptimizerFor(config);
  const { parameterCount } = modelOf(config);
  const { memory } = engine;
  const state = optimizer.init(parameterCount, memory && ((length) => memory.floats(length)));
  return { engine, optimizer, state, batchSize, learningRate: learningRateFor(config, plan) };
}

export interface Round {
  readonly version: number;
  /** In place of the configured rate. */
  readonly learningRate?: number;
  /** What all replicas begin with; not changed. */
  readonly weights: Float32Array;
  /** Of the shard, in the order of its batches. */
  readonly indices: Uint32Array;
  readonly sliceOf: (indices: Uint32Array) => Slice;
  /** Of the shard: `Slice.noise`. */
  readonly noise: number;
  /** Asked after each local step. */
  readonly isWanted: () => boolean;
}

/**
 * Where the steps lead, as the sum over the shard that a gradient would be: `gradient` is its samples times what they
 * took off the weights, buffers included. The last batch has what is left. Loss and correct answers are those of each
 * batch at the weights that it met. Undefined when it is not wanted any more.
 */
export async function takeLocalSteps(
  { engine, optimizer, state, batchSize, learningRate }: LocalTraining,
  { version, learningRate: base, weights: first, indices, sliceOf, noise, isWanted }: Round,
): Promise<SliceResult | undefined> {
  const weights = engine.weights ?? new Float32Array(first.length);
  weights.set(first);
  for (const kept of Object.values(state)) kept.fill(0);
  let [lossSum, correct] = [0, 0];
  for (let step = 0; step * batchSize < indices.length; step++) {
    const batch = indices.subarray(step * batchSize, (step + 1) * batchSize);
    engine.load(weights);
    const sum = await engine.gradient({ ...sliceOf(batch), noise: noiseOfLocalStep(noise, step) });
    await turnOfOthers();
    if (!isWanted()) return undefined;
    optimizer.update({
      weights,
      state,
      gradientSum: sum.gradient,
      samples: batch.length,
      learningRate: learningRate(version, step, base),
      step,
    });
    lossSum += sum.lossSum;
    correct += sum.correct;
  }
  // The weights become what they lost, in their place.
  blend(weights, first, { keep: 0, scale: indices.length });
  return { gradient: weights, lossSum, correct };
}

/**
 * An engine that waits for nothing would keep messages out until the round is over. Not a timer: those of a hidden
 * tab fire once a second.
 */
function turnOfOthers(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    const onmessage = (): void => {
      port1.close();
      resolve();
    };
    // The only way to listen that Node and browsers share.
    Object.assign(port1, { onmessage });
    port2.postMessage(undefined);
  });
}
