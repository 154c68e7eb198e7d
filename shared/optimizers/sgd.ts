import type { Optimizer, OptimizerKind, OptimizerOptions } from '../contracts.ts';
import { descend } from '../vectors/loops.ts';

type SgdOption = 'momentum' | 'nesterov' | 'weightDecay';

export const sgd: OptimizerKind<SgdOption> = {
  defaultLearningRate: 0.1,
  defaults: { momentum: 0, nesterov: false, weightDecay: 0 },
  create,
};

/**
 * Stochastic gradient descent as torch.optim.SGD defines it (dampening 0): with g the mean gradient plus
 * weightDecay * w, the velocity is v = momentum * v + g, and w moves by -rate * v, or with Nesterov by
 * -rate * (g + momentum * v).
 */
function create({ momentum, nesterov, weightDecay }: Pick<OptimizerOptions, SgdOption>): Optimizer {
  if (momentum === 0) return plain(weightDecay);
  return {
    init: (parameterCount) => ({ velocity: new Float32Array(parameterCount) }),
    update: ({ weights, state: { velocity }, gradientSum, samples, learningRate }) => {
      for (let at = 0; at < weights.length; at++) {
        const slope = gradientSum[at] / samples + weightDecay * weights[at];
        const moved = momentum * velocity[at] + slope;
        velocity[at] = moved;
        weights[at] -= learningRate * (nesterov ? slope + momentum * moved : moved);
      }
    },
  };
}

function plain(weightDecay: number): Optimizer {
  return {
    init: () => ({}),
    update: ({ weights, gradientSum, samples, learningRate }) => {
      const keep = 1 - learningRate * weightDecay;
      const scale = learningRate / samples;
      descend(weights, gradientSum, { keep, scale });
    },
  };
}
