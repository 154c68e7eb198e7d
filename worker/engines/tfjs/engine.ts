// The engine around the network: weights, pixels and labels become tensors, and one vector of results comes back.
import type { Engine, Slice, SliceResult } from '../../../shared/contracts.ts';
import { smoothTargets } from '../../../shared/model/label-smoothing.ts';
import type { Model } from '../../../shared/model/model.ts';
import type { Network } from './layers.ts';
import { gradientAndLogits, logitsOf } from './network.ts';
import type { Tensor, TensorFlow } from './tensorflow.ts';

/** (x/255 - 0.5)/0.5 */
const scaledPixels = Float32Array.from({ length: 256 }, (_, pixel) => (pixel / 255 - 0.5) / 0.5);

export class TfjsEngine implements Engine {
  readonly label: string;
  readonly #tf: TensorFlow;
  readonly #model: Model;
  readonly #weights: Float32Array;
  #network: Network;

  constructor(tf: TensorFlow, model: Model, label: string) {
    this.label = label;
    this.#tf = tf;
    this.#model = model;
    this.#weights = new Float32Array(model.parameterCount);
    this.#network = this.#networkOfWeights();
  }

  load(weights: Float32Array): void {
    this.#disposeParameters();
    this.#weights.set(weights);
    this.#network = this.#networkOfWeights();
  }

  async gradient({ images, labels, noise = 0 }: Slice): Promise<SliceResult> {
    const { parameterCount } = this.#model;
    const results = await this.#read(() =>
      gradientAndLogits(this.#network, {
        images: this.#imagesTensor(images),
        targets: this.#targets(labels),
        noise,
      }),
    );
    return {
      gradient: results.subarray(0, parameterCount),
      ...score(results.subarray(parameterCount), labels, this.#model),
    };
  }

  predict(images: Uint8Array): Promise<Float32Array> {
    return this.#read(() => logitsOf(this.#network, this.#imagesTensor(images)));
  }

  async dispose(): Promise<void> {
    this.#disposeParameters();
  }

  async #read(work: () => Tensor): Promise<Float32Array> {
    const result = this.#tf.tidy(work);
    try {
      return await result.data();
    } finally {
      this.#tf.dispose([result]);
    }
  }

  #networkOfWeights(): Network {
    const parameters = this.#model.parameters.map(({ name, shape, offset, size }) => {
      return [name, this.#tf.tensor(this.#weights.subarray(offset, offset + size), shape)];
    });
    return { tf: this.#tf, model: this.#model, parameters: Object.fromEntries(parameters) };
  }

  #disposeParameters(): void {
    this.#tf.dispose(Object.values(this.#network.parameters));
  }

  #imagesTensor(images: Uint8Array): Tensor {
    const { inputs } = this.#model;
    const scaled = new Float32Array(images.length);
    for (let at = 0; at < scaled.length; at++) scaled[at] = scaledPixels[images[at]];
    return this.#tf.tensor(scaled, [images.length / inputs, inputs]);
  }

  #targets(labels: Uint8Array): Tensor {
    const { classes, labelSmoothing } = this.#model;
    const { label: ofLabel, other } = smoothTargets(labelSmoothing, classes);
    const targets = new Float32Array(labels.length * classes).fill(other);
    labels.forEach((label, row) => {
      targets[row * classes + label] = ofLabel;
    });
    return this.#tf.tensor(targets, [labels.length, classes]);
  }
}

/**
 * Loss and hits of the logits, row by row. Not on the backend: ten numbers a row cost less here than the calls
 * would, and backends differ in which of equal logits is the answer. Here it is the first.
 */
function score(
  logits: Float32Array,
  labels: Uint8Array,
  { classes, labelSmoothing }: Model,
): Pick<SliceResult, 'lossSum' | 'correct'> {
  const targets = smoothTargets(labelSmoothing, classes);
  let lossSum = 0;
  let correct = 0;
  labels.forEach((label, row) => {
    const ofRow = logits.subarray(row * classes, (row + 1) * classes);
    const largest = Math.max(...ofRow);
    // Shifted by the largest logit, so that no exponential overflows.
    const total = ofRow.reduce((sum, logit) => sum + Math.exp(logit - largest), 0);
    const others = targets.other > 0 ? targets.other * (sum(ofRow) - ofRow[label]) : 0;
    lossSum += largest + Math.log(total) - targets.label * ofRow[label] - others;
    if (ofRow.indexOf(largest) === label) correct++;
  });
  return { lossSum, correct };
}

function sum(values: Float32Array): number {
  return values.reduce((total, value) => total + value, 0);
}
