// Loops over long vectors that both sides need. Where a kernel's memory holds them all it does the bulk, with the bits
// of the plain loops here.
import type { NewVector } from '../contracts.ts';
import { blockBytes } from './kernel.ts';
import { kernelOf } from './memory.ts';

export const plainVector: NewVector = (length) => new Float32Array(length);

const blockLength = blockBytes / Float32Array.BYTES_PER_ELEMENT;

/** into[i] += from[i], rounded to float32. */
export function addInto(into: Float32Array, from: Float32Array): void {
  let at = 0;
  const kernel = kernelOf(into, from);
  if (kernel !== undefined) {
    at = wholeBlocks(into);
    kernel.add(into.byteOffset, addressOf(into, at), from.byteOffset);
  }
  for (; at < into.length; at++) into[at] += from[at];
}

export interface Descent {
  /** Factor of the weights. */
  readonly keep: number;
  /** Factor of the slopes. */
  readonly scale: number;
}

/** weights[i] = keep * weights[i] - scale * slopes[i], in float64 and rounded once. */
export function descend(
  weights: Float32Array,
  slopes: Float32Array,
  { keep, scale }: Descent,
): void {
  let at = 0;
  const kernel = kernelOf(weights, slopes);
  if (kernel !== undefined) {
    at = wholeBlocks(weights);
    const factors = Float64Array.of(keep, scale);
    onDesk(weights, factors, () =>
      kernel.descend(weights.byteOffset, addressOf(weights, at), slopes.byteOffset),
    );
  }
  for (; at < weights.length; at++) weights[at] = keep * weights[at] - scale * slopes[at];
}

export interface Blend {
  /** Factor of what is there. */
  readonly keep: number;
  /** Factor of the way from there to the other. */
  readonly scale: number;
}

/** into[i] = keep * into[i] + scale * (other[i] - into[i]), in float64 and rounded once. */
export function blend(into: Float32Array, other: Float32Array, { keep, scale }: Blend): void {
  let at = 0;
  const kernel = kernelOf(into, other);
  if (kernel !== undefined) {
    at = wholeBlocks(into);
    onDesk(into, Float64Array.of(keep, scale), () =>
      kernel.blend(into.byteOffset, addressOf(into, at), other.byteOffset),
    );
  }
  for (; at < into.length; at++) into[at] = keep * into[at] + scale * (other[at] - into[at]);
}

export interface Roll {
  /** Factors: of a sum of gradients, to make it their mean; of the weights, in the slope; of the velocity that was. */
  readonly ofSum: number;
  readonly decay: number;
  readonly momentum: number;
  /** What the weights move by: `ofMove` times the sum of so much of the slope and so much of the new velocity. */
  readonly ofSlope: number;
  readonly ofVelocity: number;
  readonly ofMove: number;
}

/**
 * slope = ofSum * sums[i] + decay * weights[i], velocity[i] = momentum * velocity[i] + slope, and weights[i] moves by
 * ofMove * (ofSlope * slope + ofVelocity * velocity[i]): in float32, as PyTorch does, every product and every sum rounded.
 */
export function roll(
  weights: Float32Array,
  sums: Float32Array,
  velocity: Float32Array,
  factors: Roll,
): void {
  let at = 0;
  const { fround } = Math;
  const inOrder = Float32Array.of(
    factors.ofSum,
    factors.decay,
    factors.momentum,
    factors.ofSlope,
    factors.ofVelocity,
    factors.ofMove,
  );
  const kernel = kernelOf(weights, sums, velocity);
  if (kernel !== undefined) {
    at = wholeBlocks(weights);
    onDesk(weights, inOrder, () =>
      kernel.roll(weights.byteOffset, addressOf(weights, at), sums.byteOffset, velocity.byteOffset),
    );
  }
  const [ofSum, decay, momentum, ofSlope, ofVelocity, ofMove] = inOrder;
  for (; at < weights.length; at++) {
    const slope = fround(fround(decay * weights[at]) + fround(ofSum * sums[at]));
    const moved = fround(fround(momentum * velocity[at]) + slope);
    velocity[at] = moved;
    const way = fround(fround(ofVelocity * moved) + fround(ofSlope * slope));
    weights[at] += fround(ofMove * way);
  }
}

/** Of squares, side by side. */
export const squareSums = 8;

/**
 * The squared norm in float64: value i squared is added to sum i mod 8, and those are added up in order. Not a finite
 * number where a value is none. `sums` are those of whole blocks that come before the values.
 */
export function sumOfSquares(
  values: Float32Array,
  sums: Float64Array = new Float64Array(squareSums),
): number {
  let at = 0;
  const kernel = kernelOf(values);
  if (kernel !== undefined) {
    at = wholeBlocks(values);
    onDesk(values, sums, () => kernel.addSquares(values.byteOffset, addressOf(values, at)));
  }
  for (; at < values.length; at++) sums[at % squareSums] += values[at] * values[at];
  return sums.reduce((one, other) => one + other);
}

/** What `call` calls finds the numbers on the desk of the memory, which is a kernel's, and leaves there what they become. */
export function onDesk(
  { buffer }: ArrayBufferView,
  numbers: Float32Array | Float64Array,
  call: () => void,
): void {
  const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  const desk = new Uint8Array(buffer, 0, bytes.length);
  desk.set(bytes);
  call();
  bytes.set(desk);
}

/** So many of the values fill whole blocks. */
export function wholeBlocks({ length }: Float32Array): number {
  return length - (length % blockLength);
}

/** Of value `at` in the memory of its kernel. */
export function addressOf({ byteOffset }: Float32Array, at: number): number {
  return byteOffset + at * Float32Array.BYTES_PER_ELEMENT;
}
