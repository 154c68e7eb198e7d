// Is this vector one that training could have produced? Checked before it touches a sum.
import type { RejectReason } from '../shared/protocol.ts';
import { sumOfSquares } from '../shared/vectors/loops.ts';

/**
 * Mean gradients of trainable networks have norms around 1, and so has what a round takes off their weights; far above,
 * something is broken or hostile.
 */
const maxMeanGradientNorm = 1e6;
/** Nats a sample: the sums of an epoch stay finite, too. */
const maxMeanLoss = 1e6;

export interface CheckedGradient {
  readonly gradient: Float32Array;
  /** `sumOfSquares` of it, where that is known. */
  readonly squares?: number;
  readonly lossSum: number;
  readonly samples: number;
}

/** The reason to refuse it, or undefined. One pass: any NaN or infinity makes the norm one, too. */
export function checkGradient(checked: CheckedGradient): RejectReason | undefined {
  const { gradient, lossSum, samples, squares = sumOfSquares(gradient) } = checked;
  if (!Number.isFinite(squares) || !Number.isFinite(lossSum)) return 'not-finite';
  const isPlausible =
    Math.sqrt(squares) <= maxMeanGradientNorm * samples &&
    Math.abs(lossSum) <= maxMeanLoss * samples;
  return isPlausible ? undefined : 'too-large';
}
