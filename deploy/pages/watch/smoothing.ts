// The trend of a noisy curve.

/**
 * Exponential moving average, corrected for its start, as TensorBoard draws it: weight 0 is the curve itself, towards 1
 * it follows ever more slowly.
 */
export function smoothed(values: readonly number[], weight: number): number[] {
  let mean = 0;
  let correction = 1;
  return values.map((value) => {
    mean = weight * mean + (1 - weight) * value;
    correction *= weight;
    return mean / (1 - correction);
  });
}
