// The registry of update rules: a new one is a file here and a line below.
import type { Optimizer, OptimizerKind, OptimizerOptions } from '../contracts.ts';
import { adam } from './adam.ts';
import { adamw } from './adamw.ts';
import { withAverage } from './average.ts';
import { withClipping } from './clipping.ts';
import { sgd } from './sgd.ts';

export const optimizers = {
  sgd,
  adam,
  adamw,
} satisfies Record<string, OptimizerKind<never>>;

export type OptimizerName = keyof typeof optimizers;
export const optimizerNames = Object.keys(optimizers) as OptimizerName[];

export interface OptimizerConfig extends Partial<OptimizerOptions> {
  readonly name: OptimizerName;
  /** Largest norm of a mean gradient. */
  readonly clipNorm?: number;
  /** Decay of the moving average of the weights. */
  readonly ema?: number;
}

/** The optimizer that a configuration describes, with clipping before it and averaging after it. */
export function optimizerOf({ name, clipNorm, ema, ...options }: OptimizerConfig): Optimizer {
  // The schema of the configuration has seen to it that the options are those of this kind.
  const plain = optimizers[name].create(options as OptimizerOptions);
  const clipped = clipNorm === undefined ? plain : withClipping(plain, clipNorm);
  return ema === undefined ? clipped : withAverage(clipped, ema);
}
