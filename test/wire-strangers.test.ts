// What a stranger can send who knows how to make the checksum right.
import { Packr, pack } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { scanMessagePack } from '../shared/msgpack-scan.ts';
import { createRandom } from '../shared/random.ts';
import { decodeFrame, encodeFrame, WireError } from '../shared/wire.ts';
import { forged, mutated, refusalOf, resealed } from './frames.ts';

const payload = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9);

describe('a hostile header', () => {
  it.each<[string, Uint8Array, RegExp]>([
    ['a hundred thousand nested arrays', repeated(0x91, 100_000), /nested too deep/],
    ['nested maps', Buffer.from('81a161'.repeat(13), 'hex'), /nested too deep/],
    ['millions of empty maps', manyOf(3_000_000, 0x80), /too many values/],
    ['millions of empty arrays', manyOf(3_000_000, 0x90), /too many values/],
    ['an array as long as it says 2^32 - 1', hex('dd ffffffff'), /in the middle of a value/],
    ['a map that says 2^32 - 1', hex('df ffffffff'), /no string/],
    ['a text that says 2^32 - 1', hex('db ffffffff 61'), /in the middle of a value/],
    ['a text of a quarter of a megabyte', pack('x'.repeat(1 << 18)), /in the middle of a value/],
    ['a record', new Packr({ useRecords: true }).pack({ a: 1 }), /type 0xd4/],
    ['a date', pack(new Date(0)), /type 0xd6/],
    ['a regular expression', new Packr({ structuredClone: true }).pack(/(a+)+$/), /type 0xd4/],
    ['undefined', pack(undefined), /type 0xd4/],
    ['bytes', pack(Buffer.alloc(3)), /type 0xc4/],
    ['the type that MessagePack never uses', hex('c1'), /type 0xc1/],
    ['a number for a key', pack(new Map([[1, 2]])), /no string/],
    ['nil for a key', pack(new Map([[null, 2]])), /no string/],
    ['a map for a key', hex('81 80 01'), /no string/],
    ['nothing', hex(''), /not a tutti frame/],
    ['two values', hex('01 02'), /goes on after its header/],
  ])('of %s is malformed', (_, header, message) => {
    const refusal = refusalOf(forged(header));
    expect(refusal.reason).toBe('malformed');
    expect(refusal.message).toMatch(message);
  });

  it('may go to the limits, and not one value further', () => {
    const zeros = (count: number) => forged(pack(new Array(count).fill(0)));
    expect(decodeFrame(zeros(19_999)).header).toHaveLength(19_999);
    expect(refusalOf(zeros(20_000)).message).toMatch(/too many values/);
    const nested = (depth: number) => forged(Uint8Array.of(...repeated(0x91, depth), 7));
    expect(decodeFrame(nested(12)).header).toEqual([[[[[[[[[[[[7]]]]]]]]]]]]);
    expect(refusalOf(nested(13)).message).toMatch(/nested too deep/);
  });

  it('reaches no prototype', () => {
    const sent = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}';
    const { header } = decodeFrame(forged(pack(JSON.parse(sent))));
    expect(Object.getPrototypeOf(header)).toBe(Object.prototype);
    expect(header).not.toHaveProperty('polluted');
    expect({}).not.toHaveProperty('polluted');
    expect(Object.hasOwn(header as object, 'constructor')).toBe(true);
  });

  it('is read no further than its limits reach', () => {
    let reads = 0;
    const counted = new Proxy(manyOf(3_000_000, 0x80), {
      get: (target, key) => {
        reads++;
        return Reflect.get(target, key, target);
      },
    });
    const scan = () => scanMessagePack(counted, 0, { maxDepth: 12, maxNodes: 1000 });
    expect(scan).toThrow('too many values');
    expect(reads).toBeLessThan(3 * 1000);
  });
});

describe('a payload', () => {
  const frame = encodeFrame(['message', {}], payload);
  const start = frame.length - payload.length;
  const paddingAt = frame.lastIndexOf(0xc4);

  it.each([
    ['whose padding is no bin8', paddingAt, 0xc5],
    ['after a padding that leads beyond the frame', paddingAt + 1, 255],
    ['after a padding of another length', paddingAt + 1, frame[paddingAt + 1] ^ 1],
    ['that is no bin32', start - 5, 0xc5],
    ['that says too little', start - 1, payload.length - 1],
    ['that says too much', start - 1, payload.length + 1],
    ['that says four gigabytes', start - 4, 0xff],
  ])('%s is malformed', (_, at, value) => {
    const refusal = refusalOf(resealed(frame.with(at, value)));
    expect(refusal.reason).toBe('malformed');
    expect(refusal.message).toBe('the payload of a frame is not in its place');
  });

  it('may follow up to seven bytes of padding, and no more', () => {
    const padded = (length: number) =>
      forged(Uint8Array.of(7, 0xc4, length, ...repeated(0, length), 0xc6, 0, 0, 0, 1, 9), 4);
    expect(decodeFrame(padded(7))).toEqual({ header: 7, payload: Uint8Array.of(9) });
    expect(refusalOf(padded(8)).reason).toBe('malformed');
  });
});

describe('a hundred thousand mutants of good frames', () => {
  it('give plain JSON or a WireError, and leave the reader as it was', () => {
    const header = { a: [1, -2, 3.5, 'four'], b: { c: null, d: true }, e: 'x'.repeat(40) };
    const frames = [encodeFrame(header), encodeFrame(header, payload), encodeFrame([2, '/', []])];
    const random = createRandom(3, 'mutants');
    const outcomes = { accepted: 0, malformed: 0, corrupt: 0 };
    for (let round = 0; round < 100_000; round++) {
      const mutant = mutated(frames[round % frames.length], random);
      outcomes[outcomeOf(round % 4 === 0 ? mutant : resealed(mutant))]++;
    }
    expect(outcomes.accepted).toBeGreaterThan(10_000);
    expect(outcomes.malformed).toBeGreaterThan(10_000);
    expect(outcomes.corrupt).toBeGreaterThan(10_000);
    expect(decodeFrame(frames[1])).toEqual({ header, payload });
  });
});

function outcomeOf(frame: Uint8Array): WireError['reason'] | 'accepted' {
  try {
    const decoded = decodeFrame(frame);
    if (!isPlainJson(decoded.header)) throw new Error('something else than JSON came out');
    return 'accepted';
  } catch (error) {
    if (error instanceof WireError) return error.reason;
    throw error;
  }
}

function isPlainJson(value: unknown): boolean {
  if (value === null || ['number', 'string', 'boolean'].includes(typeof value)) return true;
  if (Array.isArray(value)) return value.every(isPlainJson);
  return (
    Object.getPrototypeOf(value) === Object.prototype &&
    Object.values(value as object).every(isPlainJson)
  );
}

function hex(digits: string): Uint8Array {
  return Buffer.from(digits.replaceAll(' ', ''), 'hex');
}

function repeated(byte: number, count: number): Uint8Array {
  return new Uint8Array(count).fill(byte);
}

/** An array32 of values that take one byte each. */
function manyOf(count: number, value: number): Uint8Array {
  const bytes = repeated(value, 5 + count);
  bytes[0] = 0xdd;
  new DataView(bytes.buffer).setUint32(1, count);
  return bytes;
}
