// The registry of update rules: a new one is a file here and a line below.
import type { Optimizer } from '../contracts.ts';
import { type SgdOptions, sgd } from './sgd.ts';

export type OptimizerOptions = SgdOptions;

export const optimizers = {
  sgd,
} satisfies Record<string, (options: OptimizerOptions) => Optimizer>;

export type OptimizerName = keyof typeof optimizers;
export const optimizerNames = Object.keys(optimizers) as OptimizerName[];
