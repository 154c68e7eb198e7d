// Dropout as PyTorch's nn.Dropout: in training each value is left out with probability `rate`, and the others are
// scaled up, so that predictions need no change. What is left out follows from a seed, not from who computes.
import { createRandom } from '../random.ts';
import type { DropoutLayer } from './model.ts';

/** The seed of all that is random in a shard, `Slice.noise`: the same whoever computes it, and computes it again. */
export function noiseOf(seed: number, epoch: number, step: number, shard: number): number {
  return createRandom(seed, 'noise', epoch, step, shard).uint32();
}

/** Of the `localStep`-th batch, from 0, of a shard with this seed. */
export function noiseOfLocalStep(noise: number, localStep: number): number {
  return createRandom(noise, 'local step', localStep).uint32();
}

/** Fills `mask`, shaped [images, width] row by row, with what each value is multiplied by: 0 or 1 / (1 - rate). */
export function fillDropoutMask(
  mask: Float32Array,
  { place, rate }: DropoutLayer,
  noise: number,
): void {
  const random = createRandom(noise, 'dropout', place);
  const threshold = rate * 2 ** 32;
  const scale = 1 / (1 - rate);
  for (let at = 0; at < mask.length; at++) mask[at] = random.uint32() < threshold ? 0 : scale;
}
