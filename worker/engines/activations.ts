// Activations as functions of one value in float64, with their derivatives: for engines that compute in JavaScript.
import type { ActivationLayer } from '../../shared/model/model.ts';

export interface Activation {
  value(x: number): number;
  /** The derivative at `x`; at the kink of `relu` it is 0, as in PyTorch. */
  slope(x: number): number;
}

export const activations: Readonly<Record<ActivationLayer['kind'], Activation>> = {
  relu: { value: (x) => Math.max(0, x), slope: (x) => (x > 0 ? 1 : 0) },
  tanh: { value: (x) => Math.tanh(x), slope: (x) => 1 - Math.tanh(x) ** 2 },
  sigmoid: { value: sigmoid, slope: (x) => sigmoid(x) * (1 - sigmoid(x)) },
  gelu: {
    value: (x) => x * normalBelow(x),
    slope: (x) => normalBelow(x) + (x * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI),
  },
};

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** Phi(x): how likely a standard normal variable is below `x`. */
function normalBelow(x: number): number {
  return (1 + erf(x / Math.SQRT2)) / 2;
}

/**
 * The error function by Abramowitz and Stegun 7.1.6, 2/sqrt(pi) exp(-x^2) sum of 2^n x^(2n+1) / (1 * 3 ... (2n+1)):
 * all terms have one sign, so that none cancels another. Beyond 6 it differs from 1 by less than 1e-16.
 */
function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}
