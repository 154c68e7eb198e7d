// The checksum of frames: xxHash32 with sixteen lanes in front of it, as many as vector instructions keep busy.
import { kernelOf } from './vectors/memory.ts';
import { foldWords, laneStarts, wordsOf, xxHash32 } from './xxhash32.ts';

const laneCount = 16;
const stripeBytes = laneCount * Int32Array.BYTES_PER_ELEMENT;

/**
 * 32-bit checksum of `bytes`, as an unsigned integer; any change within one word changes it. That of less than 64
 * bytes is xxHash32. Of more, all whole stripes of 64 bytes are folded into sixteen lanes, word i into lane i mod 16 by
 * xxHash32's round, lane j starting as xxHash32's lane j mod 4 with seed 0; the checksum is xxHash32 of these lanes and
 * the bytes that are left, with the seed plus the number of bytes as its seed.
 */
export function checksum(bytes: Uint8Array, seed = 0): number {
  const { length } = bytes;
  if (length < stripeBytes) return xxHash32(bytes, seed);
  const stripesEnd = length - (length % stripeBytes);
  const condensed = new Uint8Array(stripeBytes + length - stripesEnd);
  const lanes = new Int32Array(condensed.buffer, 0, laneCount);
  for (let first = 0; first < laneCount; first += 4) lanes.set(laneStarts(0), first);
  foldStripes(bytes.subarray(0, stripesEnd), lanes);
  condensed.set(bytes.subarray(stripesEnd), stripeBytes);
  return xxHash32(condensed, seed + length);
}

function foldStripes(stripes: Uint8Array, lanes: Int32Array): void {
  const kernel = kernelOf(stripes);
  if (kernel === undefined) {
    foldWords(wordsOf(stripes, stripes.length / 4), lanes);
    return;
  }
  const desk = new Int32Array(kernel.memory.buffer, 0, laneCount);
  desk.set(lanes);
  kernel.hashLanes(stripes.byteOffset, stripes.byteOffset + stripes.length);
  lanes.set(desk);
}
