// How good the weights are on images that training never sees.
import type { Engine, Slice } from '../shared/contracts.ts';

export interface Evaluation {
  /** Mean cross-entropy over the images, in nats. */
  readonly loss: number;
  readonly accuracy: number;
  /** Rows are labels, columns answers. */
  readonly confusion: number[][];
  /** The first few images of each of its cells. */
  readonly examples: readonly Example[];
}

export interface Example {
  /** Its place among the test images, from 0. */
  readonly image: number;
  readonly label: number;
  readonly answer: number;
  /** Probability that the network gives its answer. */
  readonly confidence: number;
}

/** As many as somebody wants to look at. */
const examplesPerCell = 24;

export interface EvaluationOptions {
  readonly engine: Pick<Engine, 'predict'>;
  readonly test: Slice;
  readonly classes: number;
  readonly batchSize: number;
}

/** Uses the weights that the engine has loaded. */
export async function evaluate(options: EvaluationOptions): Promise<Evaluation> {
  const { engine, test, classes, batchSize } = options;
  const { images, labels } = test;
  const imageSize = images.length / labels.length;
  const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  const examples: Example[] = [];
  let lossSum = 0;
  let correct = 0;
  for (let first = 0; first < labels.length; first += batchSize) {
    const last = Math.min(first + batchSize, labels.length);
    const logits = await engine.predict(images.subarray(first * imageSize, last * imageSize));
    for (let image = first; image < last; image++) {
      const row = logits.subarray((image - first) * classes, (image - first + 1) * classes);
      const label = labels[image];
      const answer = argmax(row);
      if (confusion[label][answer]++ < examplesPerCell) {
        const confidence = softmax(row)[answer];
        examples.push({ image, label, answer, confidence });
      }
      if (answer === label) correct++;
      lossSum += logSumExp(row) - row[label];
    }
  }
  return { loss: lossSum / labels.length, accuracy: correct / labels.length, confusion, examples };
}

/** Probabilities of the classes: softmax over one row of logits. */
export function softmax(logits: Float32Array): number[] {
  const total = logSumExp(logits);
  return Array.from(logits, (logit) => Math.exp(logit - total));
}

/** The first of the largest, as PyTorch's argmax. */
export function argmax(row: Float32Array): number {
  let best = 0;
  for (let at = 1; at < row.length; at++) if (row[at] > row[best]) best = at;
  return best;
}

function logSumExp(row: Float32Array): number {
  const largest = row.reduce((one, other) => Math.max(one, other));
  let sum = 0;
  for (const logit of row) sum += Math.exp(logit - largest);
  return largest + Math.log(sum);
}
