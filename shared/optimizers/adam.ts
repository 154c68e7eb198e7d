import type { Optimizer, OptimizerKind, OptimizerOptions } from '../contracts.ts';
import { plainVector } from '../vectors/loops.ts';

export type AdamOption = 'beta1' | 'beta2' | 'epsilon' | 'weightDecay';

export const adam: OptimizerKind<AdamOption> = {
  defaultLearningRate: 0.001,
  defaults: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
  create,
};

/**
 * Adam (Kingma & Ba, 2015) as torch.optim.Adam defines it: with g the mean gradient plus weightDecay * w, the
 * moments are m = beta1 * m + (1 - beta1) * g and v = beta2 * v + (1 - beta2) * g^2, and in the t-th step, from 1,
 * w moves by -rate * m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon).
 */
function create({
  beta1,
  beta2,
  epsilon,
  weightDecay,
}: Pick<OptimizerOptions, AdamOption>): Optimizer {
  return {
    init: (parameterCount, newVector = plainVector) => ({
      firstMoment: newVector(parameterCount),
      secondMoment: newVector(parameterCount),
    }),
    update: ({ weights, state, gradientSum, samples, learningRate, step }) => {
      const { firstMoment, secondMoment } = state;
      const rate = learningRate / (1 - beta1 ** (step + 1));
      const correction = Math.sqrt(1 - beta2 ** (step + 1));
      for (let at = 0; at < weights.length; at++) {
        const slope = gradientSum[at] / samples + weightDecay * weights[at];
        const first = beta1 * firstMoment[at] + (1 - beta1) * slope;
        const second = beta2 * secondMoment[at] + (1 - beta2) * slope * slope;
        firstMoment[at] = first;
        secondMoment[at] = second;
        weights[at] -= (rate * first) / (Math.sqrt(second) / correction + epsilon);
      }
    },
  };
}
