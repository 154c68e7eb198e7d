// What a codec loses is lost in the same places whoever takes part: every subtree's sum is rounded once, where it is
// made, whether it travels after that or not.
import type { Codec } from '../contracts.ts';
import { createRandom } from '../random.ts';
import type { AddSum } from '../tree-sum.ts';
import { addInto } from '../vectors/loops.ts';

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

/** Adds `from` to `into`, which becomes the sum of the subtree and is rounded as that. */
export function addRounded(
  { codec, seed }: GradientCodec,
  subtree: Subtree,
  into: Float32Array,
  from: Float32Array,
): void {
  const draw = drawOf(seed, subtree);
  if (codec.addRounded) return codec.addRounded(into, from, draw);
  addInto(into, from);
  codec.round(into, draw);
}

function drawOf(seed: number, { epoch, step, start, length }: Subtree): number {
  return createRandom(seed, 'codec', epoch, step, start, length).uint32();
}

/** For the sum over one run of shards that travels: rounds what is summed up on the way, but not the whole, which is encoded. */
export function addWithin(gradientCodec: GradientCodec, run: Subtree): AddSum {
  return (into, from, start, length) => {
    if (length === run.length) return addInto(into, from);
    addRounded(gradientCodec, { ...run, start: run.start + start, length }, into, from);
  };
}
