// Gradient clipping in front of any optimizer.
import type { Optimizer } from '../contracts.ts';

/** The optimizer sees gradients whose mean has a norm of at most `maxNorm`. */
export function withClipping({ init, update }: Optimizer, maxNorm: number): Optimizer {
  return {
    init,
    update: (step) => {
      const { gradientSum, samples } = step;
      const factor = clipFactor(gradientSum, samples, maxNorm);
      update(factor < 1 ? { ...step, gradientSum: scaled(gradientSum, factor) } : step);
    },
  };
}

/**
 * What the gradient is multiplied by, as torch.nn.utils.clip_grad_norm_ has it: min(1, maxNorm / (norm + 1e-6)),
 * with the L2 norm of the mean gradient over all parameters. Added up in float64 and in the order of the vector,
 * so that it has the same bits everywhere.
 */
export function clipFactor(gradientSum: Float32Array, samples: number, maxNorm: number): number {
  let squares = 0;
  for (let at = 0; at < gradientSum.length; at++) squares += gradientSum[at] * gradientSum[at];
  return Math.min(1, maxNorm / (Math.sqrt(squares) / samples + 1e-6));
}

function scaled(vector: Float32Array, factor: number): Float32Array {
  const product = new Float32Array(vector.length);
  for (let at = 0; at < product.length; at++) product[at] = factor * vector[at];
  return product;
}
