// The layers of a model in TensorFlow.js: each applied to a batch, with how gradients go back through it.
import { epsilon } from '../../../shared/model/batch-norm.ts';
import { fillDropoutMask } from '../../../shared/model/dropout.ts';
import type { BatchNormLayer, Layer, Model, Parameter } from '../../../shared/model/model.ts';
import type { Tensor, TensorFlow } from './tensorflow.ts';

export interface Network {
  readonly tf: TensorFlow;
  readonly model: Model;
  /** By the names of the model's parameters, shaped like them. */
  readonly parameters: Readonly<Record<string, Tensor>>;
}

/** Batch norm takes its statistics from the batch in training, and the running ones to predict. */
export type Purpose =
  | { readonly kind: 'training' /** As of the slice. */; readonly noise: number }
  | { readonly kind: 'predicting' };

export interface AppliedLayer {
  readonly output: Tensor;
  parameterGradients(outputGradient: Tensor): readonly [Parameter, Tensor][];
  inputGradient(outputGradient: Tensor): Tensor;
}

export function applyLayer(
  network: Network,
  layer: Layer,
  input: Tensor,
  purpose: Purpose,
): AppliedLayer {
  const { tf, parameters } = network;
  switch (layer.kind) {
    case 'linear': {
      const weight = parameters[layer.weight.name];
      return {
        output: tf.add(tf.matMul(input, weight, false, true), parameters[layer.bias.name]),
        parameterGradients: (outputGradient) => [
          [layer.weight, tf.matMul(outputGradient, input, true)],
          [layer.bias, tf.sum(outputGradient, 0)],
        ],
        inputGradient: (outputGradient) => tf.matMul(outputGradient, weight),
      };
    }
    case 'batch-norm':
      return applyBatchNorm(network, layer, input, purpose);
    case 'dropout': {
      if (purpose.kind === 'predicting') return passedOn(input);
      const [images] = input.shape;
      const values = new Float32Array(images * layer.width);
      fillDropoutMask(values, layer, purpose.noise);
      const mask = tf.tensor(values, [images, layer.width]);
      return activation(tf, tf.mul(input, mask), () => mask);
    }
    case 'relu': {
      const output = tf.relu(input);
      return activation(tf, output, () => tf.step(output));
    }
    case 'tanh': {
      const output = tf.tanh(input);
      return activation(tf, output, () => tf.sub(1, tf.mul(output, output)));
    }
    case 'sigmoid': {
      const output = tf.sigmoid(input);
      return activation(tf, output, () => tf.mul(output, tf.sub(1, output)));
    }
    case 'gelu': {
      // Phi(x), and its derivative: the density of the normal distribution.
      const below = tf.mul(0.5, tf.add(1, tf.erf(tf.mul(Math.SQRT1_2, input))));
      const density = () =>
        tf.mul(1 / Math.sqrt(2 * Math.PI), tf.exp(tf.mul(-0.5, tf.mul(input, input))));
      return activation(tf, tf.mul(input, below), () => tf.add(below, tf.mul(input, density())));
    }
  }
}

function passedOn(input: Tensor): AppliedLayer {
  return { output: input, parameterGradients: () => [], inputGradient: (gradient) => gradient };
}

function activation(tf: TensorFlow, output: Tensor, slope: () => Tensor): AppliedLayer {
  return {
    output,
    parameterGradients: () => [],
    inputGradient: (outputGradient) => tf.mul(outputGradient, slope()),
  };
}

/** Mean and variance move with every input: their share is what the gradients have in common, and along the output. */
function applyBatchNorm(
  { tf, parameters }: Network,
  { weight, bias, runningMean, runningVar }: BatchNormLayer,
  input: Tensor,
  purpose: Purpose,
): AppliedLayer {
  const [samples] = input.shape;
  const isTraining = purpose.kind === 'training';
  const mean = isTraining ? tf.mean(input, 0) : parameters[runningMean.name];
  const centred = tf.sub(input, mean);
  const variance = isTraining ? tf.mean(tf.mul(centred, centred), 0) : parameters[runningVar.name];
  const scale = tf.rsqrt(tf.add(variance, epsilon));
  const normalized = tf.mul(centred, scale);
  const alongOf = (outputGradient: Tensor) => tf.sum(tf.mul(outputGradient, normalized), 0);
  return {
    output: tf.add(tf.mul(normalized, parameters[weight.name]), parameters[bias.name]),
    parameterGradients: (outputGradient) => [
      [weight, alongOf(outputGradient)],
      [bias, tf.sum(outputGradient, 0)],
      // Sums over the slice, as all else: the mean, and the unbiased variance, times its samples.
      [runningMean, tf.mul(samples, mean)],
      [runningVar, tf.mul((samples * samples) / Math.max(samples - 1, 1), variance)],
    ],
    inputGradient: (outputGradient) => {
      const along = tf.mul(normalized, alongOf(outputGradient));
      const shared = tf.mul(1 / samples, tf.add(tf.sum(outputGradient, 0), along));
      const factor = tf.mul(scale, parameters[weight.name]);
      return tf.mul(factor, tf.sub(outputGradient, shared));
    },
  };
}
