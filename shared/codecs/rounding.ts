// What a codec loses is lost in the same places whoever takes part: every subtree's sum is rounded once, where it is
// made, whether it travels after that or not.
import type { Codec } from '../contracts.ts';
import { createRandom } from '../random.ts';

/** A subtree of a step. */
export interface Subtree {
  readonly epoch: number;
  readonly step: number;
  readonly start: number;
  readonly length: number;
}

export interface GradientCodec {
  readonly codec: Codec;
  /** Of the run. */
  readonly seed: number;
}

/** The sum of a subtree for the wire: fills `bytes`, as many as the codec makes of it. */
export function encodeSum(
  { codec, seed }: GradientCodec,
  subtree: Subtree,
  sum: Float32Array,
  bytes: Uint8Array,
): void {
  codec.encode(sum, bytes, drawOf(seed, subtree));
}

/** Makes of the sum, in place, what the other end would decode. */
export function roundSum(
  { codec, seed }: GradientCodec,
  subtree: Subtree,
  sum: Float32Array,
): void {
  codec.round(sum, drawOf(seed, subtree));
}

function drawOf(seed: number, { epoch, step, start, length }: Subtree): number {
  return createRandom(seed, 'codec', epoch, step, start, length).uint32();
}
