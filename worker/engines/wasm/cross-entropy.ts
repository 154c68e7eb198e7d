// The softmax cross-entropy of a slice and its slopes in the logits, summed in float64.
import type { SliceResult } from '../../../shared/contracts.ts';
import { smoothTargets } from '../../../shared/model/label-smoothing.ts';
import type { Model } from '../../../shared/model/model.ts';

export interface Answers {
  /** One row a class, one column an image. */
  readonly logits: Float32Array;
  readonly labels: Uint8Array;
  /** Shaped like the logits: filled with softmax minus targets. */
  readonly slopes: Float32Array;
}

export function crossEntropy(
  { classes, labelSmoothing }: Model,
  { logits, labels, slopes }: Answers,
): Pick<SliceResult, 'lossSum' | 'correct'> {
  const targets = smoothTargets(labelSmoothing, classes);
  const images = labels.length;
  let lossSum = 0;
  let correct = 0;
  for (let image = 0; image < images; image++) {
    const answer = firstLargest(logits, image, images);
    const largest = logits[answer];
    let total = 0;
    // Shifted by the largest logit, so that no exponential overflows.
    for (let at = image; at < logits.length; at += images) total += Math.exp(logits[at] - largest);
    const labelAt = labels[image] * images + image;
    lossSum += Math.log(total) + largest;
    for (let at = image; at < logits.length; at += images) {
      const target = at === labelAt ? targets.label : targets.other;
      // In float64 to the end: what is left of a probability near 1 is small.
      slopes[at] = Math.exp(logits[at] - largest) / total - target;
      if (target > 0) lossSum -= target * logits[at];
    }
    if (answer === labelAt) correct++;
  }
  return { lossSum, correct };
}

/** Where the column's largest value lies; the first of equals. */
function firstLargest(values: Float32Array, column: number, columns: number): number {
  let largest = column;
  for (let at = column; at < values.length; at += columns) {
    if (values[at] > values[largest]) largest = at;
  }
  return largest;
}
