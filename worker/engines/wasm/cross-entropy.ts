// The softmax cross-entropy of a slice and its slopes in the logits, summed in float64.
import type { SliceResult } from '../../../shared/contracts.ts';

/** Logits and slopes: one row a class, one column an image. Fills `slopes` with softmax minus one-hot label. */
export function crossEntropy(
  logits: Float32Array,
  labels: Uint8Array,
  slopes: Float32Array,
): Pick<SliceResult, 'lossSum' | 'correct'> {
  const images = labels.length;
  let lossSum = 0;
  let correct = 0;
  for (let image = 0; image < images; image++) {
    const answer = firstLargest(logits, image, images);
    const largest = logits[answer];
    let total = 0;
    // Shifted by the largest logit, so that no exponential overflows.
    for (let at = image; at < logits.length; at += images) total += Math.exp(logits[at] - largest);
    const target = labels[image] * images + image;
    for (let at = image; at < logits.length; at += images) {
      // In float64 to the end: what is left of a probability near 1 is small.
      slopes[at] = Math.exp(logits[at] - largest) / total - (at === target ? 1 : 0);
    }
    lossSum += Math.log(total) + largest - logits[target];
    if (answer === target) correct++;
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
