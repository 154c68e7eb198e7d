import type { Optimizer, OptimizerKind, OptimizerOptions } from '../contracts.ts';
import { descend, plainVector, roll } from '../vectors/loops.ts';

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
    init: (parameterCount, newVector = plainVector) => ({ velocity: newVector(parameterCount) }),
    update: ({ weights, state: { velocity }, gradientSum, samples, learningRate }) => {
      const way = nesterov ? { ofSlope: 1, ofVelocity: momentum } : { ofSlope: 0, ofVelocity: 1 };
      const [ofSum, ofMove] = [1 / samples, -learningRate];
      roll(weights, gradientSum, velocity, { ofSum, decay: weightDecay, momentum, ofMove, ...way });
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
