// Doorbells: what they say is what a message would say, and whatever else comes over their connection stays in order.
import { setImmediate } from 'node:timers/promises';
import type { Socket } from 'socket.io';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { listenForDoorbells } from '../coordinator/doorbells.ts';
import { openGate } from '../coordinator/gate.ts';
import { defaultLimits } from '../coordinator/limits.ts';
import { startServer } from '../coordinator/server.ts';
import {
  type Doorbell,
  decodeDoorbell,
  encodeDoorbell,
  type GradientDoorbell,
  type WeightsDoorbell,
} from '../shared/doorbell.ts';
import { type DoorbellListener, onDoorbell, ring } from '../shared/doorbell-frame.ts';
import { placedSchema } from '../shared/memory-messages.ts';
import { MessagePlaces } from '../shared/message-places.ts';
import {
  fromWorkerSchema,
  type LeaseMessage,
  messageEvent,
  type ShardRun,
  toWorkerSchema,
  workNamespace,
} from '../shared/protocol.ts';
import { createRandom, type Random } from '../shared/random.ts';
import { Decoder } from '../shared/socket-parser.ts';
import { WireError } from '../shared/wire.ts';
import { hex, landed } from './frames.ts';
import { encoded, handshakeOf, newStranger } from './hostile-client.ts';
import { masked, opcodes, webSocketFrame } from './raw-websocket.ts';
import type { TestScope } from './support.ts';

const place = { position: 8192, bytes: 1_661_240, stamp: 7 };
const gradient: GradientDoorbell = {
  type: 'placed',
  message: {
    type: 'gradient',
    run: '20270304-050607-ziffern-größer-中😀',
    ...{ epoch: 3, step: 900, version: 3714, start: 2, length: 1, samples: 32 },
    ...{ lossSum: 12.345678901234567, correct: 31, computeMs: 1.25 },
  },
  place,
};
const weights: WeightsDoorbell = {
  type: 'placed',
  message: { type: 'weights', version: 3714 },
  place,
  next: { type: 'lease', epoch: 3, step: 900, version: 3714, runs: [{ start: 2, length: 1 }] },
};
/** With it a first byte stays as it is. */
const key = Uint8Array.of(0, 1, 2, 3);
const headBytes = 2;
const numberBytes = 8;

/** From somewhere inside a larger buffer, as from a socket. */
function received(bytes: Uint8Array, at = 3): Doorbell | undefined {
  return decodeDoorbell(landed(bytes, at, 'Buffer'));
}

function withNumber(doorbell: Doorbell, at: number, number: number): Uint8Array {
  const bytes = encodeDoorbell(doorbell)!;
  new DataView(bytes.buffer).setFloat64(headBytes + at * numberBytes, number, true);
  return bytes;
}

/** As those who hear of it in a message check it. */
function isRight(doorbell: Doorbell): boolean {
  const { message, next, ...rest } = doorbell as Doorbell & { next?: unknown };
  const payload = new Uint8Array(1);
  const schema = message.type === 'gradient' ? fromWorkerSchema : toWorkerSchema;
  return (
    v.is(placedSchema, { ...rest, message, next }) &&
    v.is(schema, { ...message, payload }) &&
    (next === undefined || v.is(toWorkerSchema, next))
  );
}

describe('a doorbell', () => {
  it.each<[string, Doorbell]>([
    ['of a gradient', gradient],
    ['of a gradient whose loss is no number', lossOf(Number.NaN)],
    ['of a gradient whose loss has no end', lossOf(Number.NEGATIVE_INFINITY)],
    ['of weights', weights],
    ['of weights for several runs of shards', leaseOf({ runs: runsOf(256) })],
    ['of weights for local steps at another rate', leaseOf({ learningRate: 0.0625 })],
    ['of weights for local steps at no rate', leaseOf({ learningRate: 0 })],
  ])('%s says what was meant', (_, doorbell) => {
    expect(received(encodeDoorbell(doorbell)!)).toStrictEqual(doorbell);
    expect(isRight(doorbell)).toBe(true);
  });

  it('has no words for what else is placed', () => {
    const { next: _, ...alone } = weights;
    const finished = { type: 'finished', reason: 'completed' };
    expect(encodeDoorbell(alone)).toBeUndefined();
    expect(encodeDoorbell({ ...alone, next: finished })).toBeUndefined();
  });

  const wrong = [-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY];
  const counts = (doorbell: Doorbell, positions: readonly number[]) =>
    positions.flatMap((at) => wrong.map((number) => [doorbell, at, number] as const));

  it.each([
    ...counts(gradient, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
    ...[Number.NaN, Number.POSITIVE_INFINITY].map((number) => [gradient, 11, number] as const),
    ...counts(weights, [0, 1, 2, 3, 4, 5, 6, 8, 9]),
    [weights, 7, Number.POSITIVE_INFINITY] as const,
    // A place begins behind the page of its file's mark, and the first stamp is 1.
    ...[gradient, weights].flatMap((doorbell) => [
      [doorbell, 0, 0] as const,
      [doorbell, 2, 0] as const,
    ]),
  ])('that says what no message may say is none: %#', (doorbell, at, number) => {
    expect(received(withNumber(doorbell, at, number))).toBeUndefined();
  });

  it('is right as a message, whatever its numbers are, or none', () => {
    const random = createRandom(1, 'doorbells');
    const some = [...wrong, 0, 1, 2 ** 53 - 1, -0, 1e-300];
    let right = 0;
    for (let round = 0; round < 3000; round++) {
      const doorbell = random.below(2) === 0 ? gradient : weights;
      const numbers = doorbell === gradient ? 12 : 10;
      const bytes = withNumber(doorbell, random.below(numbers), some[random.below(some.length)]);
      const said = received(bytes, random.below(9));
      if (said === undefined) continue;
      right++;
      expect(isRight(said)).toBe(true);
    }
    expect(right).toBeGreaterThan(500);
  });

  it.each([gradient, weights])('that is cut off or goes on is none: %#', (doorbell) => {
    const bytes = encodeDoorbell(doorbell)!;
    const isText = (length: number): boolean => {
      return doorbell === gradient && length >= headBytes + 12 * numberBytes && length % 2 === 0;
    };
    for (let length = 0; length < bytes.length; length++) {
      // A run with a shorter name is another run's.
      if (!isText(length)) expect(received(bytes.subarray(0, length))).toBeUndefined();
    }
    expect(received(Uint8Array.from([...bytes, 0]))).toBeUndefined();
    expect(received(Uint8Array.from([0xc1, 3, ...bytes.subarray(headBytes)]))).toBeUndefined();
  });

  it('of more runs, or with a longer name, than there may be is none', () => {
    expect(received(encodeDoorbell(leaseOf({ runs: runsOf(257) }))!)).toBeUndefined();
    expect(received(encodeDoorbell(leaseOf({ runs: [] }))!)).toBeUndefined();
    const named = (length: number): Doorbell => {
      return { ...gradient, message: { ...gradient.message, run: 'n'.repeat(length) } };
    };
    expect(received(encodeDoorbell(named(200))!)).toStrictEqual(named(200));
    expect(received(encodeDoorbell(named(201))!)).toBeUndefined();
  });

  it('is a packet to a parser, and a broken one an error', () => {
    const packets: unknown[] = [];
    const decoder = new Decoder();
    decoder.on('decoded', (packet) => packets.push(packet));
    decoder.add(encodeDoorbell(gradient));
    expect(packets).toEqual([{ type: 2, nsp: workNamespace, data: [messageEvent, gradient] }]);
    expect(() => decoder.add(Uint8Array.of(0xc1, 1))).toThrow(WireError);
  });
});

describe('a WebSocket', () => {
  it('gives a doorbell that comes alone to its listener, and to nobody else', async (t) => {
    const { stranger, heard } = await newLine(t);
    const said = [gradient, weights, leaseOf({ runs: runsOf(200) })].map(bytesOf);
    for (const [at, bytes] of said.entries()) {
      stranger.frame(bytes);
      await expect.poll(() => heard).toHaveLength(at + 1);
    }
    expect(heard).toEqual(said.map((bytes) => ['rang', hex(bytes)]));
  });

  it.for<[string, (bytes: Uint8Array) => Buffer]>([
    ['that is masked with a key', (bytes) => masked(webSocketFrame(bytes), bytes.length, key)],
    ['in two frames', inFrames],
    [
      'with a longer length than it takes',
      (bytes) => webSocketFrame(bytes, { hasLongLength: true }),
    ],
    [
      'before another one',
      (bytes) => Buffer.concat([webSocketFrame(bytes), webSocketFrame(bytes)]),
    ],
  ])('takes one %s for a message', async ([, wire], t) => {
    const { stranger, heard } = await newLine(t);
    const bytes = bytesOf(weights);
    stranger.wire.write(wire(bytes));
    await expect.poll(() => heard[0]).toEqual(['came', hex(bytes)]);
  });

  it.for<[string, DoorbellListener | undefined]>([
    ['that nobody listens for', undefined],
    ['for which its listener has no use', () => false],
  ])('takes one %s for a message', async ([, listener], t) => {
    const { stranger, heard } = await newLine(t, () => listener);
    stranger.frame(bytesOf(gradient));
    await expect.poll(() => heard).toEqual([['came', hex(bytesOf(gradient))]]);
  });

  // Each would be a doorbell if it were not behind what came before.
  it.for([
    ['the first byte of a frame', [0x82], [0x82, 0x81, 0, 0, 0, 0, 0xc1], '81c1'],
    ['the length of a frame', [0x82, 0x83], [0x82, 0x81, 0, 0, 0, 0, 0xc1], '8281c1'],
  ] as const)('takes bytes behind %s for the rest of it', async ([, begun, rest, message], t) => {
    const { stranger, heard, hasRead } = await newLine(t);
    stranger.wire.write(Uint8Array.from(begun));
    await hasRead(begun.length);
    stranger.wire.write(Uint8Array.from(rest));
    await expect.poll(() => heard).toEqual([['came', message]]);
  });

  it('hangs up on one in the middle of a message', async (t) => {
    const { stranger, heard, hasRead } = await newLine(t);
    const half = webSocketFrame('half a', { isFinal: false });
    stranger.wire.write(half);
    await hasRead(half.length);
    stranger.frame(bytesOf(gradient));
    await stranger.wire.closed;
    expect(heard).toEqual([]);
  });

  it.for([
    ['is not masked', webSocketFrame(bytesOf(gradient), { isMasked: false })],
    ['would be one if it were masked', Uint8Array.of(0x82, 1, 0, 0, 0, 0, 0xc1)],
  ] as const)('hangs up on one that %s', async ([, wire], t) => {
    const { stranger, heard } = await newLine(t);
    stranger.wire.write(wire);
    await stranger.wire.closed;
    expect(heard).toEqual([]);
  });

  it('neither hears nor rings when it has said goodbye', async (t) => {
    const { stranger, webSocket, heard } = await newLine(t);
    (webSocket as WebSocket).close();
    stranger.frame(bytesOf(gradient));
    expect(ring(webSocket, weights, false)).toBe(false);
    await stranger.wire.closed;
    expect(heard).not.toContainEqual(['rang', expect.any(String)]);
  });

  it('hears everything in order, however it comes', async (t) => {
    const { stranger, heard } = await newLine(t);
    const random = createRandom(2, 'line');
    const sent: string[] = [];
    for (let round = 0; round < 200; round++) {
      const messages = Array.from({ length: 1 + random.below(3) }, () => anything(random));
      const wire = messages.map((bytes) => {
        return random.below(4) > 0 ? webSocketFrame(bytes) : inFrames(bytes);
      });
      const bytes = Buffer.concat(wire);
      const cut = random.below(2) === 0 ? bytes.length : random.below(bytes.length);
      stranger.wire.write(bytes.subarray(0, cut));
      await setImmediate();
      stranger.wire.write(bytes.subarray(cut));
      sent.push(...messages.map(hex));
      // Then the next come alone.
      const isOver = random.below(2) === 0 || round === 199;
      if (isOver) await expect.poll(() => heard.length, { interval: 1 }).toBe(sent.length);
    }
    expect(heard.map(([, what]) => what)).toEqual(sent);
    expect(heard.filter(([how]) => how === 'rang').length).toBeGreaterThan(10);
  });

  it.for([
    ['a worker may send some', defaultLimits, 'rang'],
    ['a worker may send no more', { messagesPerSecond: 0 }, 'came'],
  ] as const)('of a worker, where %s', async ([, limits, how], t) => {
    const { stranger, socket, heard } = await newLine(t, () => undefined);
    listenForDoorbells(
      socket,
      limits,
      (doorbell) => heard.push(['rang', hex(bytesOf(doorbell))]) > 0,
    );
    stranger.frame(bytesOf(gradient));
    await expect.poll(() => heard).toEqual([[how, hex(bytesOf(gradient))]]);
  });

  it('of a worker takes no weights from it', async (t) => {
    const { stranger, socket, heard } = await newLine(t, () => undefined);
    listenForDoorbells(socket, defaultLimits, () => expect.fail('takes them'));
    stranger.frame(bytesOf(weights));
    await expect.poll(() => heard).toEqual([['came', hex(bytesOf(weights))]]);
  });

  it('does not ring what is longer than its frame says', async (t) => {
    const { webSocket } = await newLine(t);
    expect(ring(webSocket, leaseOf({ runs: runsOf(1 << 12) }), false)).toBe(false);
  });

  it('rings at its other end', async (t) => {
    const { stranger, webSocket } = await newLine(t);
    for (const each of [weights, gradient, leaseOf({ runs: runsOf(256) })]) {
      expect(ring(webSocket, each, false)).toBe(true);
      const { data } = await stranger.next(({ nsp }) => nsp === workNamespace);
      expect(data).toEqual([messageEvent, each]);
    }
  });
});

/** A server's end of a WebSocket, and what it hears: through its listener, and as messages. */
async function newLine(
  t: TestScope,
  listenerFor = (rang: DoorbellListener): DoorbellListener | undefined => rang,
) {
  const server = await startServer({
    host: '127.0.0.1',
    port: 0,
    maxPayloadBytes: 1000,
    routes: [],
    gate: openGate,
    limits: defaultLimits,
    incoming: {
      reading: Buffer.allocUnsafeSlow(4096),
      places: new MessagePlaces(1, Buffer.alloc),
      copyOf: (bytes) => Buffer.from(bytes),
    },
    onRefused: () => undefined,
  });
  t.onTestFinished(() => server.close());
  const entered = new Promise<Socket>((resolve) => {
    server.io.of(workNamespace).once('connection', resolve);
  });
  const stranger = await newStranger(t, `http://127.0.0.1:${server.port}`);
  await stranger.enter(workNamespace, handshakeOf('somebody'));
  const entrant = await entered;
  const { conn } = entrant;
  const { socket: webSocket } = conn.transport as unknown as { readonly socket: object };
  const heard: [how: 'rang' | 'came', what: string][] = [];
  conn.on('data', (bytes: Uint8Array) => heard.push(['came', hex(bytes)]));
  const listener = listenerFor((bytes) => heard.push(['rang', hex(bytes)]) > 0);
  if (listener !== undefined) onDoorbell(webSocket, listener);
  const { socket } = conn.request;
  const before = socket.bytesRead;
  /** So many bytes since. */
  const hasRead = (bytes: number) => {
    return expect.poll(() => socket.bytesRead - before, { interval: 1 }).toBe(bytes);
  };
  return { stranger, socket: entrant, webSocket, heard, hasRead };
}

/** A doorbell, or a message of another kind. */
function anything(random: Random): Uint8Array {
  const step = random.below(1000);
  if (random.below(3) === 0) return leaveOf(`step ${step}`);
  return bytesOf(leaseOf({ step, runs: runsOf(1 + random.below(30)) }));
}

function leaveOf(reason: string): Uint8Array {
  return encoded({ type: 2, nsp: workNamespace, data: [messageEvent, { type: 'leave', reason }] });
}

function bytesOf(doorbell: Doorbell): Uint8Array {
  return encodeDoorbell(doorbell)!;
}

function inFrames(bytes: Uint8Array): Buffer {
  const rest = { opcode: opcodes.continued };
  const first = webSocketFrame(bytes.subarray(0, 5), { isFinal: false });
  return Buffer.concat([first, webSocketFrame(bytes.subarray(5), rest)]);
}

function lossOf(lossSum: number): GradientDoorbell {
  return { ...gradient, message: { ...gradient.message, lossSum } };
}

function leaseOf(lease: Partial<LeaseMessage>): WeightsDoorbell {
  return { ...weights, next: { ...weights.next, ...lease } };
}

function runsOf(count: number): ShardRun[] {
  return Array.from({ length: count }, (_, at) => ({ start: 2 * at, length: 2 }));
}
