// Messages of all sizes, masked or not, whole or in frames, in pieces of any size, from several sockets at once: read
// into one buffer, gathered in places that are used again, and the same as ever.
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { openGate } from '../coordinator/gate.ts';
import { defaultLimits } from '../coordinator/limits.ts';
import { startServer } from '../coordinator/server.ts';
import { openWorkChannel } from '../coordinator/work-channel.ts';
import { MessagePlaces } from '../shared/message-places.ts';
import { type FromWorker, messageEvent, workNamespace } from '../shared/protocol.ts';
import { createRandom, type Random } from '../shared/random.ts';
import type { SteadyMemory } from '../shared/steady-receiver.ts';
import { hex, randomBytes } from './frames.ts';
import { encoded, handshakeOf, newStranger, type Stranger } from './hostile-client.ts';
import { masked, opcodes, webSocketFrame } from './raw-websocket.ts';
import type { TestScope } from './support.ts';

/** Small, so that large messages are. */
const readBytes = 4096;
const maxPayloadBytes = 60_000;

async function newReceiver(t: TestScope) {
  const made: Uint8Array[] = [];
  const memory: SteadyMemory = {
    reading: Buffer.allocUnsafeSlow(readBytes),
    places: new MessagePlaces(2, (bytes) => {
      const place = Buffer.alloc(bytes);
      made.push(place);
      return place;
    }),
    copyOf: (bytes) => Buffer.from(bytes),
  };
  const server = await startServer({
    host: '127.0.0.1',
    port: 0,
    maxPayloadBytes,
    routes: [],
    gate: openGate,
    limits: defaultLimits,
    incoming: memory,
    onRefused: () => undefined,
  });
  t.onTestFinished(() => server.close());
  /** As they are while they are handled. */
  const received = new Map<string, string[]>();
  const payloads: Uint8Array[] = [];
  const nothing = () => undefined;
  openWorkChannel(
    server.io,
    {
      joined: ({ name }) => received.set(name, []),
      message: ({ name }, message) => {
        if (message.type !== 'gradient') throw new Error('only gradients are sent here');
        payloads.push(message.payload);
        received.get(name)?.push(hex(message.payload));
      },
      badMessage: (_, reason) => received.set(reason, []),
      left: nothing,
      unbearable: nothing,
      refused: nothing,
      failed: nothing,
    },
    defaultLimits,
  );
  const enter = async (name: string): Promise<Stranger> => {
    const stranger = await newStranger(t, `http://127.0.0.1:${server.port}`);
    await stranger.enter(workNamespace, handshakeOf(name));
    return stranger;
  };
  return { enter, received, payloads, made, memory };
}

function gradientFrame(payload: Uint8Array): Uint8Array {
  const message: FromWorker = {
    type: 'gradient',
    run: 'a run',
    ...{ epoch: 0, step: 0, version: 0, start: 0, length: 1, samples: 1 },
    ...{ lossSum: 1, correct: 1, computeMs: 1, payload },
  };
  return encoded({ type: 2, nsp: workNamespace, data: [messageEvent, message] });
}

/** As a WebSocket may send it. */
function wireBytes(message: Uint8Array, random: Random): Buffer {
  const frames: Buffer[] = [];
  let opcode: number = opcodes.binary;
  for (let at = 0; at < message.length || at === 0; ) {
    const isWhole = random.below(3) > 0;
    const end = isWhole ? message.length : at + 1 + random.below(message.length - at);
    const part = message.subarray(at, end);
    const frame = webSocketFrame(part, { opcode, isFinal: end === message.length });
    frames.push(random.below(2) === 0 ? frame : masked(frame, part.length, randomBytes(random, 4)));
    opcode = opcodes.continued;
    at = end;
  }
  return Buffer.concat(frames);
}

async function sendInPieces(stranger: Stranger, bytes: Buffer, random: Random): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const longest = [3, 100, 3000, 50_000][random.below(4)];
    const end = Math.min(bytes.length, at + 1 + random.below(longest));
    stranger.wire.write(bytes.subarray(at, end));
    at = end;
    await setImmediate();
  }
}

describe('a steady receiver', () => {
  it('gives every message as it was sent, however it comes', async (t) => {
    const { enter, received, made } = await newReceiver(t);
    const sent = await Promise.all(
      ['one', 'two', 'three'].map(async (name) => {
        const random = createRandom(1, name);
        const stranger = await enter(name);
        const expected: string[] = [];
        const wire: Buffer[] = [];
        for (let round = 0; round < 40; round++) {
          const payload = randomBytes(
            random,
            4 * random.below([10, 1000, 2000, 15_000][round % 4]),
          );
          expected.push(hex(payload));
          wire.push(wireBytes(gradientFrame(payload), random));
        }
        await sendInPieces(stranger, Buffer.concat(wire), random);
        return { name, expected };
      }),
    );
    for (const { name, expected } of sent) {
      await expect.poll(() => received.get(name)?.length).toBe(expected.length);
      expect(received.get(name)).toEqual(expected);
    }
    expect([...received.keys()].sort()).toEqual(['one', 'three', 'two']);
    expect(made.length).toBeGreaterThan(0);
  });

  it('puts large messages in the same place, one after the other', async (t) => {
    const { enter, received, payloads, made } = await newReceiver(t);
    const stranger = await enter('worker');
    for (let count = 1; count <= 10; count++) {
      stranger.frame(gradientFrame(new Uint8Array(50_000).fill(count)));
      await expect.poll(() => received.get('worker')?.length).toBe(count);
    }
    expect(made).toHaveLength(1);
    expect(new Set(payloads.map(({ buffer }) => buffer))).toEqual(new Set([made[0].buffer]));
  });

  it('has its place back from a connection that ends in the middle of a message', async (t) => {
    const { enter, received, made } = await newReceiver(t);
    for (let time = 0; time < 5; time++) {
      const stranger = await enter(`half ${time}`);
      const frame = webSocketFrame(gradientFrame(new Uint8Array(50_000)));
      stranger.wire.write(frame.subarray(0, 30_000));
      await expect.poll(() => made.length).toBe(1);
      stranger.wire.socket.destroy();
      const other = await enter(`whole ${time}`);
      other.frame(gradientFrame(Uint8Array.of(time)));
      await expect.poll(() => received.get(`whole ${time}`)?.length).toBe(1);
    }
    expect(made).toHaveLength(1);
  });
});

describe('places for messages', () => {
  it('are free again in the turn after the one in which they were left', () => {
    const places = new MessagePlaces(2, (bytes) => new Uint8Array(bytes));
    const first = places.take(10);
    places.leave(first);
    expect(places.take(10)).not.toBe(first);
    places.beginTurn();
    expect(places.take(5)).toBe(first);
  });

  it('are not kept beyond their number', () => {
    const places = new MessagePlaces(1, (bytes) => new Uint8Array(bytes));
    const [kept, other] = [places.take(10), places.take(10)];
    places.leave(other);
    places.leave(kept);
    places.beginTurn();
    expect(places.take(10)).toBe(kept);
    expect(places.take(10)).not.toBe(other);
  });

  it('make way for larger ones', () => {
    const places = new MessagePlaces(1, (bytes) => new Uint8Array(bytes));
    places.leave(places.take(10));
    places.beginTurn();
    const larger = places.take(20);
    places.leave(larger);
    places.beginTurn();
    expect(places.take(20)).toBe(larger);
  });
});
