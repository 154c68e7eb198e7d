import type { Optimizer } from '../contracts.ts';
import { followStatistics } from '../model/batch-norm.ts';

/**
 * `optimizer` for a vector whose values from `trainableCount` on are running statistics: it never sees those, and
 * they `follow` what the step has in their place.
 */
export function withBuffers(
  optimizer: Optimizer,
  trainableCount: number,
  follow: typeof followStatistics = followStatistics,
): Optimizer {
  return {
    init: (_, newVector) => optimizer.init(trainableCount, newVector),
    update: (step) => {
      const { weights, gradientSum, samples } = step;
      optimizer.update({
        ...step,
        weights: weights.subarray(0, trainableCount),
        gradientSum: gradientSum.subarray(0, trainableCount),
      });
      const running = weights.subarray(trainableCount);
      follow(running, gradientSum.subarray(trainableCount), samples);
    },
  };
}
