// What a codec loses is lost in the same places whoever takes part: every subtree's sum is rounded once, where it is
// made, whether it travels after that or not.
import { createRandom } from '../random.ts';
import type { RoundSum } from '../tree-sum.ts';
import { type CodecName, codecs } from './index.ts';

/** A subtree of a step. */
export interface Subtree {
  readonly epoch: number;
  readonly step: number;
  readonly start: number;
  readonly length: number;
}

export interface GradientCodec {
  readonly codec: CodecName;
  /** Of the run. */
  readonly seed: number;
}

/** The sum of a subtree for the wire. May be a view of it. */
export function encodeSum(
  { codec, seed }: GradientCodec,
  { epoch, step, start, length }: Subtree,
  sum: Float32Array,
): Uint8Array {
  const random = createRandom(seed, 'codec', epoch, step, start, length);
  return codecs[codec].encode(sum, random.uint32());
}

/** What the other end would decode; `sum` itself where nothing is lost. */
export function roundSum(
  gradientCodec: GradientCodec,
  subtree: Subtree,
  sum: Float32Array,
): Float32Array {
  const { decode } = codecs[gradientCodec.codec];
  return decode(encodeSum(gradientCodec, subtree, sum), sum.length);
}

/** For the sum over one run of shards that travels: what is summed up on the way, but not the whole, which is encoded. */
export function roundWithin(gradientCodec: GradientCodec, run: Subtree): RoundSum {
  const { start, length } = run;
  return (sum, from, count) =>
    count === length
      ? sum
      : roundSum(gradientCodec, { ...run, start: start + from, length: count }, sum);
}
