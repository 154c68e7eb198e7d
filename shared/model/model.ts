// A model as data: a list of layers and where each keeps its parameters in ONE flat Float32Array.
// Names and shapes are those of the state dict of the equivalent PyTorch nn.Sequential, and so is the order,
// but that buffers come last: what an optimizer moves lies together.
import { createRandom } from '../random.ts';

export const activationNames = ['relu', 'tanh', 'sigmoid', 'gelu', 'none'] as const;

export type ActivationName = (typeof activationNames)[number];

/** A tensor of the state dict: `shape` in PyTorch's order, `offset` into the flat vector. */
export interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly size: number;
  /** Before the first step: uniform in [-bound, bound), or everywhere `value`. */
  readonly initial: { readonly bound: number } | { readonly value: number };
}

export type Layer =
  | {
      readonly kind: 'linear';
      readonly inputs: number;
      readonly outputs: number;
      /** Shape [outputs, inputs]. */
      readonly weight: Parameter;
      /** Shape [outputs]. */
      readonly bias: Parameter;
    }
  | BatchNormLayer
  | ActivationLayer
  | DropoutLayer;

/** nn.BatchNorm1d. Each of the four has shape [width]; the running ones are buffers. */
export interface BatchNormLayer {
  readonly kind: 'batch-norm';
  readonly width: number;
  readonly weight: Parameter;
  readonly bias: Parameter;
  readonly runningMean: Parameter;
  readonly runningVar: Parameter;
}

/** nn.Dropout: in training each value is 0 with probability `rate`, else divided by `1 - rate`. */
export interface DropoutLayer {
  readonly kind: 'dropout';
  readonly width: number;
  readonly rate: number;
  /** Its index in the nn.Sequential: every layer leaves out others. */
  readonly place: number;
}

/** Works on every value by itself. `gelu` is the exact one, x * Phi(x), as nn.GELU() is. */
export interface ActivationLayer {
  readonly kind: Exclude<ActivationName, 'none'>;
  readonly width: number;
}

export interface Model {
  /** Pixels of an image. */
  readonly inputs: number;
  readonly classes: number;
  /** See `smoothTargets`: 0 trains towards the labels alone. */
  readonly labelSmoothing: number;
  readonly layers: readonly Layer[];
  /** In the order of the flat vector: what the optimizer moves, then the buffers. */
  readonly parameters: readonly Parameter[];
  /** Length of the flat vector. */
  readonly parameterCount: number;
  /** Where the buffers begin: values before this one have a gradient, those from it on are running statistics. */
  readonly trainableCount: number;
}

export function dropoutsOf({ layers }: Pick<Model, 'layers'>): DropoutLayer[] {
  return layers.filter((layer) => layer.kind === 'dropout');
}

/**
 * Values before the first step, by PyTorch's defaults: in nn.Linear uniform in +-1/sqrt(fan_in) for weights and
 * biases (kaiming_uniform_ with a = sqrt(5)), drawn from our own generator; in nn.BatchNorm1d constants.
 */
export function initialWeights(model: Model, seed: number): Float32Array {
  const weights = new Float32Array(model.parameterCount);
  for (const { name, offset, size, initial } of model.parameters) {
    if ('value' in initial) {
      weights.fill(initial.value, offset, offset + size);
      continue;
    }
    const random = createRandom(seed, 'init', name);
    for (let at = offset; at < offset + size; at++) {
      weights[at] = (2 * random.uniform() - 1) * initial.bound;
    }
  }
  return weights;
}
