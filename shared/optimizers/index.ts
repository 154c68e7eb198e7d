// The registry of update rules: a new one is a file here and a line below.
import type { Optimizer, OptimizerKind, OptimizerOptions } from '../contracts.ts';
import { adam } from './adam.ts';
import { adamw } from './adamw.ts';
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
}

/** The optimizer that a configuration describes. */
export function optimizerOf({ name, ...options }: OptimizerConfig): Optimizer {
  // The schema of the configuration has seen to it that the options are those of this kind.
  return optimizers[name].create(options as OptimizerOptions);
}
