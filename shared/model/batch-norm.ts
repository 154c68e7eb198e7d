// Batch normalization by the definition and the defaults of PyTorch's nn.BatchNorm1d, but for what its
// statistics are of: the shard that an engine is given, not the batch of the step.

/** Added to the variance, so that a constant is not divided by 0. */
export const epsilon = 1e-5;

/** How far one step moves the running statistics. */
const momentum = 0.1;

/**
 * Moves the running statistics, in place, towards those of a step: towards the mean over its shards, weighted by
 * their samples. Engines write `samples * statistic` into the gradient of a shard, at the place of the buffer, so
 * that `sums` comes out of the same tree as the gradients.
 */
export function followStatistics(
  running: Float32Array,
  sums: Float32Array,
  stepSamples: number,
): void {
  for (let at = 0; at < running.length; at++) {
    running[at] = (1 - momentum) * running[at] + momentum * (sums[at] / stepSamples);
  }
}
