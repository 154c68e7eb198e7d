import { unpack } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { checksum } from '../shared/checksum.ts';
import { createRandom } from '../shared/random.ts';
import { decodeFrame, encodeFrame } from '../shared/wire.ts';
import { landed, randomBytes, randomJson, refusalOf, resealed } from './frames.ts';

const message = ['message', { type: 'weights', version: 7, name: 'zoë' }];
const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9);

describe('a frame', () => {
  it('gives back any JSON and any payload, wherever it lands in memory', () => {
    const random = createRandom(1, 'frames');
    for (let round = 0; round < 2000; round++) {
      const header = randomJson(random, 4);
      const payload = round % 4 > 0 ? randomBytes(random, random.below(5001)) : undefined;
      const kind = random.below(2) === 0 ? 'Buffer' : 'Uint8Array';
      const decoded = decodeFrame(landed(encodeFrame(header, payload), random.below(16), kind));
      expect(decoded.header).toEqual(header);
      expect(hex(decoded.payload)).toBe(hex(payload));
    }
  });

  it('gives back the extremes of numbers and texts', () => {
    const integers = [0, -1, 127, 128, -129, 2 ** 32, 2 ** 53 - 1, -(2 ** 53)];
    const others = [5e-324, 1.7e308, Number.NaN, Number.NEGATIVE_INFINITY, '', 'é'.repeat(40_000)];
    const header = [...integers, ...others, {}, [], null, true, false];
    expect(decodeFrame(encodeFrame(header))).toEqual({ header, payload: undefined });
  });

  it('tells an empty payload from none', () => {
    expect(decodeFrame(encodeFrame(message, new Uint8Array())).payload).toEqual(new Uint8Array());
    expect(decodeFrame(encodeFrame(message)).payload).toBeUndefined();
  });

  it('drops undefined fields, as JSON does', () => {
    const { header } = decodeFrame(encodeFrame({ kept: null, dropped: undefined }));
    expect(header).toStrictEqual({ kept: null });
  });

  it('is one MessagePack document that any reader understands', () => {
    const random = createRandom(2, 'documents');
    for (let size = 0; size < 100; size++) {
      const header = randomJson(random, 3);
      const frame = encodeFrame(header, randomBytes(random, size));
      const [sum, first, padding, last, ...rest] = unpack(frame);
      expect(sum).toBe(checksum(frame.subarray(8)));
      expect(first).toEqual(header);
      expect(padding.length).toBeLessThan(8);
      expect(hex(last)).toBe(hex(decodeFrame(frame).payload));
      expect(rest).toEqual([]);
      expect(unpack(encodeFrame(header))).toEqual([expect.any(Number), header]);
    }
  });

  it('holds its payload at a multiple of 8', () => {
    for (let length = 0; length < 20; length++) {
      const frame = encodeFrame('x'.repeat(length), bytes);
      expect((frame.length - bytes.length) % 8).toBe(0);
    }
  });

  it.each(['Buffer', 'Uint8Array'] as const)(
    'is read in place where its memory is aligned, else from one copy (%s)',
    (kind) => {
      const floats = Float32Array.of(1.5, -2.5, 3.5);
      const frame = encodeFrame(message, new Uint8Array(floats.buffer));
      for (let offset = 0; offset < 16; offset++) {
        const arrived = landed(frame, offset, kind);
        const { buffer, byteOffset } = decodeFrame(arrived).payload!;
        expect(buffer === arrived.buffer).toBe(offset % 4 === 0);
        expect(new Float32Array(buffer, byteOffset, floats.length)).toEqual(floats);
      }
    },
  );

  it('shares no memory with what it was made of, or with other frames', () => {
    const payload = bytes.slice();
    const frame = encodeFrame(message, payload);
    const before = frame.slice();
    payload.fill(0);
    encodeFrame('another', bytes).fill(0);
    expect(frame).toEqual(before);
    expect(frame.buffer.byteLength).toBe(frame.length);
  });
});

describe.each([
  ['with a payload', encodeFrame(message, bytes)],
  ['without a payload', encodeFrame(message)],
])('a frame %s', (_, frame) => {
  it('is refused with any single bit flipped', () => {
    for (let bit = 0; bit < 8 * frame.length; bit++) {
      const flipped = frame.with(bit >> 3, frame[bit >> 3] ^ (1 << (bit & 7)));
      expect(refusalOf(flipped).reason).toBe(bit < 32 ? 'malformed' : 'corrupt');
    }
  });

  it('is refused when it is cut anywhere, even if the checksum is right', () => {
    for (let length = 0; length < frame.length; length++) {
      const cut = frame.slice(0, length);
      expect(refusalOf(cut).reason).toBe(length <= 8 ? 'malformed' : 'corrupt');
      expect(refusalOf(resealed(cut)).reason).toBe('malformed');
    }
  });

  it('is refused when it goes on after its end', () => {
    const longer = Uint8Array.of(...frame, 0);
    expect(refusalOf(longer).reason).toBe('corrupt');
    expect(refusalOf(resealed(longer)).reason).toBe('malformed');
  });
});

function hex(payload: Uint8Array | undefined): string | undefined {
  return payload && Buffer.from(payload).toString('hex');
}
