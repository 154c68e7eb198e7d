// A moving average of the weights beside any optimizer, and who uses it.
import type { Optimizer, OptimizerState } from '../contracts.ts';
import { blend, plainVector } from '../vectors/loops.ts';

/**
 * Remembers one vector more, `average`: the weights after the first step, then after each step
 * decay * average + (1 - decay) * w, as torch.optim.swa_utils.AveragedModel with get_ema_multi_avg_fn(decay).
 * Training goes on with the weights themselves.
 */
export function withAverage({ init, update }: Optimizer, decay: number): Optimizer {
  return {
    init: (parameterCount, newVector = plainVector) => ({
      ...init(parameterCount, newVector),
      average: newVector(parameterCount),
    }),
    update: (step) => {
      update(step);
      const { weights, state } = step;
      const { average } = state;
      // Nothing is averaged before the first step: then the weights count in full.
      const scale = step.step === 0 ? 1 : 1 - decay;
      blend(average, weights.subarray(0, average.length), { keep: 1, scale });
    },
  };
}

export interface TrainedState {
  /** Committed steps. */
  readonly version: number;
  readonly weights: Float32Array;
  readonly optimizer: OptimizerState;
}

/**
 * What a run is evaluated and saved as: the average of its weights if it keeps one, else the weights. Values that
 * the average does not reach to are those of the weights.
 */
export function evaluatedWeights({ version, weights, optimizer }: TrainedState): Float32Array {
  const { average } = optimizer;
  if (average === undefined || version === 0) return weights;
  const evaluated = weights.slice();
  evaluated.set(average);
  return evaluated;
}
