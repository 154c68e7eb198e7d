import type { OptimizerKind } from '../contracts.ts';
import { type AdamOption, adam } from './adam.ts';

/**
 * Adam with decoupled weight decay (Loshchilov & Hutter, 2019) as torch.optim.AdamW defines it: w shrinks by the
 * factor 1 - rate * weightDecay, then Adam takes its step on the gradient alone.
 */
export const adamw: OptimizerKind<AdamOption> = {
  defaultLearningRate: adam.defaultLearningRate,
  defaults: { ...adam.defaults, weightDecay: 0.01 },
  create: ({ weightDecay, ...options }) => {
    const { init, update } = adam.create({ ...options, weightDecay: 0 });
    return {
      init,
      update: (step) => {
        const { weights, learningRate } = step;
        const keep = 1 - learningRate * weightDecay;
        for (let at = 0; at < weights.length; at++) weights[at] *= keep;
        update(step);
      },
    };
  },
};
