// A model as data: a list of layers and where each keeps its parameters in ONE flat Float32Array.
// Names, shapes and order are those of the state dict of the equivalent PyTorch nn.Sequential.
import { createRandom } from '../random.ts';

export const activationNames = ['relu', 'tanh', 'sigmoid', 'gelu', 'none'] as const;

export type ActivationName = (typeof activationNames)[number];

/** A tensor of the state dict: `shape` in PyTorch's order, `offset` into the flat vector. */
export interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly size: number;
  /** Initial values are uniform in [-initBound, initBound). */
  readonly initBound: number;
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
  | ActivationLayer;

/** Works on every value by itself. `gelu` is the exact one, x * Phi(x), as nn.GELU() is. */
export interface ActivationLayer {
  readonly kind: Exclude<ActivationName, 'none'>;
  readonly width: number;
}

export interface Model {
  /** Pixels of an image. */
  readonly inputs: number;
  readonly classes: number;
  readonly layers: readonly Layer[];
  /** In the order of the flat vector. */
  readonly parameters: readonly Parameter[];
  readonly parameterCount: number;
}

/**
 * Values before the first step: PyTorch's default of nn.Linear, uniform in +-1/sqrt(fan_in) for weights and
 * biases (kaiming_uniform_ with a = sqrt(5)), drawn from our own generator.
 */
export function initialWeights(model: Model, seed: number): Float32Array {
  const weights = new Float32Array(model.parameterCount);
  for (const { name, offset, size, initBound } of model.parameters) {
    const random = createRandom(seed, 'init', name);
    for (let at = offset; at < offset + size; at++) {
      weights[at] = (2 * random.uniform() - 1) * initBound;
    }
  }
  return weights;
}
