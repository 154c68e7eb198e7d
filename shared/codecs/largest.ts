// The largest values of a long vector, without sorting it.
import { bitsOf } from './memory.ts';

/** Sizes of float32 are in the order of their 31 bits without the sign: 16 upper and 15 lower ones. */
const sizeBits = 0x7fff_ffff;
const lowerBits = 15;
const upperCounts = new Uint32Array(2 ** 16);
const lowerCounts = new Uint32Array(2 ** lowerBits);

/**
 * Fills `chosen` with the places of as many values, those of the largest size, in ascending order; of equal ones the
 * first. What is no number is larger than all.
 */
export function chooseLargest(values: Float32Array, chosen: Uint32Array): void {
  const bits = bitsOf(values);
  const { size: limit, count } = limitOf(bits, chosen.length);
  let [at, equal] = [0, 0];
  for (let place = 0; at < chosen.length; place++) {
    const size = bits[place] & sizeBits;
    if (size > limit || (size === limit && equal++ < count)) chosen[at++] = place;
  }
}

/** The size of the smallest that is chosen, and how many of exactly that size are. */
function limitOf(bits: Uint32Array, count: number): { size: number; count: number } {
  upperCounts.fill(0);
  for (let at = 0; at < bits.length; at++) upperCounts[(bits[at] & sizeBits) >>> lowerBits]++;
  const upper = fromAbove(upperCounts, count);
  lowerCounts.fill(0);
  for (let at = 0; at < bits.length; at++) {
    const size = bits[at] & sizeBits;
    if (size >>> lowerBits === upper.at) lowerCounts[size & (lowerCounts.length - 1)]++;
  }
  const lower = fromAbove(lowerCounts, upper.rest);
  return { size: (upper.at << lowerBits) | lower.at, count: lower.rest };
}

/** Where the `count`-th is, counted from the last, and how many of those there are still to be counted. */
function fromAbove(counts: Uint32Array, count: number): { at: number; rest: number } {
  let at = counts.length - 1;
  let rest = count;
  for (; at > 0 && counts[at] < rest; at--) rest -= counts[at];
  return { at, rest };
}
