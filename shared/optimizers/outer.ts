// The update after a round of local steps: where they led the replicas, taken for a gradient.
import type { Optimizer } from '../contracts.ts';
import { sgd } from './sgd.ts';
import { withBuffers } from './with-buffers.ts';

export interface OuterOptions {
  readonly outerLearningRate: number;
  readonly outerMomentum: number;
}

/**
 * Takes as the mean gradient the mean over the replicas of w0 - wH, what a round took off their weights, weighted by
 * their samples as in FedAvg (McMahan et al., 2017), whatever the learning rate of the local steps was. Rate 1
 * without momentum makes it the mean of their weights; with momentum, Nesterov's, it is the outer optimizer of DiLoCo
 * (Douillard et al., 2023).
 */
export function outerOptimizer({ outerLearningRate, outerMomentum }: OuterOptions): Optimizer {
  const { init, update } = sgd.create({
    momentum: outerMomentum,
    nesterov: outerMomentum > 0,
    weightDecay: 0,
  });
  return { init, update: (step) => update({ ...step, learningRate: outerLearningRate }) };
}

/** `outer` for a vector with running statistics from `trainableCount` on: they become the mean of the replicas'. */
export function withReplicaBuffers(outer: Optimizer, trainableCount: number): Optimizer {
  return withBuffers(outer, trainableCount, (running, sums, samples) => {
    for (let at = 0; at < running.length; at++) running[at] -= sums[at] / samples;
  });
}
