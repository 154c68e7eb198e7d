// Frames as the tests need them: made of random values, landed anywhere in memory, damaged, forged.
import { checksum } from '../shared/checksum.ts';
import type { Random } from '../shared/random.ts';
import { decodeFrame, WireError } from '../shared/wire.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const characters = [...'abc xyz09_"\\\u0000\u007féßж中\u2028😀'];

export function randomJson(random: Random, depth: number): Json {
  const kind = random.below(depth > 0 ? 8 : 6);
  if (kind === 0) return null;
  if (kind === 1) return random.below(2) === 0;
  if (kind === 2) return random.below(2 ** (1 + random.below(32))) - random.below(300);
  if (kind === 3) return (random.uniform() - 0.5) * 10 ** (random.below(600) - 300);
  if (kind <= 5) return randomText(random);
  const items = Array.from({ length: random.below(6) }, () => randomJson(random, depth - 1));
  if (kind === 6) return items;
  return Object.fromEntries(items.map((item) => [randomText(random), item]));
}

function randomText(random: Random): string {
  const length = random.below(8) > 0 ? random.below(20) : random.below(400);
  return Array.from({ length }, () => characters[random.below(characters.length)]).join('');
}

export function randomBytes(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.below(256));
}

/** As from a socket: somewhere inside a larger buffer. */
export function landed(frame: Uint8Array, offset: number, kind: 'Buffer' | 'Uint8Array') {
  const memory = new ArrayBuffer(offset + frame.length + 5);
  new Uint8Array(memory).set(frame, offset);
  const { length } = frame;
  return kind === 'Buffer'
    ? Buffer.from(memory, offset, length)
    : new Uint8Array(memory, offset, length);
}

/** A frame around any bytes at all, with the right checksum: 2 elements without payload, 4 with one. */
export function forged(content: Uint8Array, elements: 2 | 4 = 2): Uint8Array {
  const frame = new Uint8Array(8 + content.length);
  frame.set([0xdc, 0, elements, 0xce]);
  frame.set(content, 8);
  return resealed(frame);
}

/** Makes the checksum right, in place. */
export function resealed(frame: Uint8Array): Uint8Array {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  if (frame.length >= 8) view.setUint32(4, checksum(frame.subarray(8)));
  return frame;
}

/** A copy with a few bytes changed, lost or added. */
export function mutated(frame: Uint8Array, random: Random): Uint8Array {
  const bytes = [...frame];
  for (let changes = 1 + random.below(3); changes > 0; changes--) {
    const at = random.below(bytes.length);
    const kind = random.below(4);
    if (kind === 0) bytes[at] ^= 1 << random.below(8);
    else if (kind === 1) bytes[at] = random.below(256);
    else if (kind === 2) bytes.splice(at, random.below(4));
    else bytes.splice(at, 0, random.below(256));
  }
  return Uint8Array.from(bytes);
}

/** Why a frame is refused; throws anything else that decoding throws. */
export function refusalOf(frame: Uint8Array): WireError {
  try {
    decodeFrame(frame);
  } catch (error) {
    if (error instanceof WireError) return error;
    throw error;
  }
  throw new Error('the frame was accepted');
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}
