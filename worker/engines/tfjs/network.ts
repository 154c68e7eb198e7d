// A model's forward and backward pass in TensorFlow.js, on whatever backend it has: this knows nothing of Node.
// The gradients are written out: its own differentiation took longer in every measurement.
import { type AppliedLayer, applyLayer, type Network, type Purpose } from './layers.ts';
import type { Tensor } from './tensorflow.ts';

/** Logits [batch, classes] of scaled `images` [batch, inputs]. Call it in a `tidy`, as all functions here. */
export function logitsOf(network: Network, images: Tensor): Tensor {
  return outputOf(forward(network, images, { kind: 'predicting' }), images);
}

export interface TrainingBatch {
  /** Scaled, [batch, inputs]. */
  readonly images: Tensor;
  /** Probabilities, [batch, classes]. */
  readonly targets: Tensor;
  /** As of the slice. */
  readonly noise: number;
}

/**
 * The gradient of the summed cross-entropy, laid out like the weights, with the logits after it, row by row: one
 * vector, because on a graphics card each one that is read makes a program wait.
 */
export function gradientAndLogits(
  network: Network,
  { images, targets, noise }: TrainingBatch,
): Tensor {
  const { tf, model } = network;
  const layers = forward(network, images, { kind: 'training', noise });
  const logits = outputOf(layers, images);
  const gradients: Record<string, Tensor> = {};
  let gradient = tf.sub(tf.softmax(logits), targets);
  for (let depth = layers.length - 1; depth >= 0; depth--) {
    for (const [{ name }, found] of layers[depth].parameterGradients(gradient)) {
      gradients[name] = found;
    }
    // Nobody needs the gradient of the images, and the first layer is the widest.
    if (depth > 0) gradient = layers[depth].inputGradient(gradient);
  }
  const parts = [...model.parameters.map(({ name }) => gradients[name]), logits];
  return tf.concat(parts.map((part) => tf.reshape(part, [-1])));
}

function forward(network: Network, images: Tensor, purpose: Purpose): AppliedLayer[] {
  const applied: AppliedLayer[] = [];
  for (const layer of network.model.layers) {
    applied.push(applyLayer(network, layer, outputOf(applied, images), purpose));
  }
  return applied;
}

function outputOf(layers: readonly AppliedLayer[], images: Tensor): Tensor {
  return layers.at(-1)?.output ?? images;
}
