// Those who listen but do not read: what is meant for them must not pile up.
import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import type { Socket as ServerSocket } from 'socket.io';
import { describe, expect, it } from 'vitest';
import { serveBlocks } from '../coordinator/block-route.ts';
import { EventLog } from '../coordinator/event-log.ts';
import { openGate } from '../coordinator/gate.ts';
import { defaultLimits } from '../coordinator/limits.ts';
import { type EdgeServer, startServer } from '../coordinator/server.ts';
import { openWatchChannel } from '../coordinator/watch-channel.ts';
import { openWorkChannel, type WorkerPeer } from '../coordinator/work-channel.ts';
import type { RunEvent } from '../shared/events.ts';
import { PayloadSlots } from '../shared/payload-slots.ts';
import { protocolVersion, watchNamespace, workNamespace } from '../shared/protocol.ts';
import { handshakeOf, newStranger, type Stranger } from './hostile-client.ts';
import { dial } from './raw-websocket.ts';
import type { TestScope } from './support.ts';

/** More than the system's own buffers take. */
const largePayload = new Uint8Array(16_000_000);
const largeBlock = { bytes: largePayload, gzipped: async () => undefined };

async function newServer(t: TestScope, joinTimeoutMs = 10_000) {
  const server = await startServer({
    host: '127.0.0.1',
    port: 0,
    maxPayloadBytes: 1000,
    routes: [serveBlocks({ manifest: { images: [], labels: [] }, get: () => largeBlock }).route],
    limits: { ...defaultLimits, joinTimeoutMs },
    gate: openGate,
    onRefused: () => undefined,
  });
  t.onTestFinished(() => server.close());
  return { server, url: `http://127.0.0.1:${server.port}` };
}

/** Of the watcher that came first. */
function waitingFrames({ io }: EdgeServer): number {
  const [socket] = io.of(watchNamespace).sockets.values();
  return (socket.conn as unknown as { readonly writeBuffer: unknown[] }).writeBuffer.length;
}

async function heard(watcher: Stranger): Promise<RunEvent> {
  const packet = await watcher.next(
    ({ nsp, data }) => nsp === watchNamespace && Array.isArray(data),
  );
  return packet.data[1];
}

function tell(log: EventLog, message: string): RunEvent {
  return log.add({ type: 'notice', level: 'info', message });
}

describe('a watcher', () => {
  const auth = { protocol: protocolVersion };

  it('that does not read costs a few frames, and has missed nothing when it does', async (t) => {
    const { server, url } = await newServer(t);
    const log = new EventLog({ lastSeq: 0 });
    openWatchChannel(server.io, log);
    const watcher = await newStranger(t, url);
    await watcher.enter(watchNamespace, auth);
    watcher.wire.socket.pause();
    for (let round = 0; round < 200; round++) {
      for (let time = 0; time < 50; time++) tell(log, 'x'.repeat(2000));
      await setImmediate();
      expect(waitingFrames(server)).toBeLessThanOrEqual(32);
    }
    const told = server.traffic().bytesOut;
    expect(told).toBeLessThan(15_000_000);
    tell(log, 'the last');
    watcher.wire.socket.resume();
    for (let seq = 1; seq <= 10_001; seq++) expect((await heard(watcher)).seq).toBe(seq);
  });

  it('that does not read keeps nothing from the others, who hear of everything once', async (t) => {
    const { server, url } = await newServer(t);
    const log = new EventLog({ lastSeq: 0 });
    openWatchChannel(server.io, log);
    const [deaf, eager] = [await newStranger(t, url), await newStranger(t, url)];
    for (const watcher of [deaf, eager]) await watcher.enter(watchNamespace, auth);
    deaf.wire.socket.pause();
    for (let seq = 1; seq <= 2000; seq++) {
      tell(log, 'x'.repeat(2000));
      expect((await heard(eager)).seq).toBe(seq);
      expect(waitingFrames(server)).toBeLessThanOrEqual(32);
    }
    const isNews = ({ nsp, data }: Stranger['received'][number]) =>
      nsp === watchNamespace && Array.isArray(data);
    expect(eager.received.filter(isNews)).toEqual([]);
  });

  it('that comes late gets the history in pieces', async (t) => {
    const { server, url } = await newServer(t);
    const log = new EventLog({ lastSeq: 0 });
    openWatchChannel(server.io, log);
    for (let time = 0; time < 10_000; time++) tell(log, 'x'.repeat(1000));
    const watcher = await newStranger(t, url);
    await watcher.enter(watchNamespace, auth);
    const bytesATurn: number[] = [];
    for (let told = server.traffic().bytesOut; told < 10_000_000; ) {
      await setImmediate();
      const { bytesOut } = server.traffic();
      bytesATurn.push(bytesOut - told);
      told = bytesOut;
    }
    expect(Math.max(...bytesATurn)).toBeLessThan(100_000);
    for (let seq = 1; seq <= 10_000; seq++) expect((await heard(watcher)).seq).toBe(seq);
    tell(log, 'news');
    expect((await heard(watcher)).seq).toBe(10_001);
  });

  it('gets what came after the events that it has', async (t) => {
    const { server, url } = await newServer(t);
    const log = new EventLog({ lastSeq: 0 });
    openWatchChannel(server.io, log);
    for (let time = 0; time < 5; time++) tell(log, 'history');
    const seqsSince = async (since: number) => {
      const watcher = await newStranger(t, url);
      await watcher.enter(watchNamespace, { ...auth, since });
      return (await heard(watcher)).seq;
    };
    expect(await seqsSince(3)).toBe(4);
    const ahead = seqsSince(100);
    await once(server.io.of(watchNamespace), 'connection');
    tell(log, 'news');
    expect(await ahead).toBe(6);
  });

  it('that comes with nonsense is turned away by name', async (t) => {
    const { server, url } = await newServer(t);
    openWatchChannel(server.io, new EventLog({ lastSeq: 0 }));
    const reasonFor = async (handshake: object) =>
      (await (await newStranger(t, url)).enter(watchNamespace, handshake)).data.data.reason;
    expect(await reasonFor({ protocol: 0 })).toBe('protocol');
    expect(await reasonFor({ ...auth, since: -1 })).toBe('handshake');
  });
});

/** Its workers by name. */
function openWork({ io }: EdgeServer) {
  const workers = new Map<string, string>();
  const nothing = () => undefined;
  const handlers = {
    joined: ({ name, worker }: WorkerPeer) => workers.set(name, worker),
    message: nothing,
    badMessage: nothing,
    left: nothing,
    unbearable: nothing,
    refused: nothing,
    failed: nothing,
  };
  return { channel: openWorkChannel(io, handlers, defaultLimits), workers };
}

describe('a worker', () => {
  it('that reads late gets the weights that it was sent, whatever went out since', async (t) => {
    const { server, url } = await newServer(t);
    const { channel, workers } = openWork(server);
    const enter = async (name: string) => {
      const stranger = await newStranger(t, url);
      await stranger.enter(workNamespace, handshakeOf(name));
      return stranger;
    };
    const [deaf, eager] = [await enter('deaf'), await enter('eager')];
    deaf.wire.socket.pause();
    const slots = new PayloadSlots(2, 8_000_000, (bytes) => new Uint8Array(bytes));
    const payloads = new Set<Uint8Array>();
    for (let version = 0; version < 4; version++) {
      const payload = slots.take().fill(version);
      payloads.add(payload);
      for (const name of version < 2 ? ['deaf', 'eager'] : ['eager']) {
        const worker = workers.get(name)!;
        slots.lend(payload, channel.send(worker, { type: 'weights', version, payload })!);
      }
      const told = await eager.told('weights');
      expect([told.version, told.payload[0], told.payload.at(-1)]).toEqual(Array(3).fill(version));
    }
    // Both slots wait for the one that does not read.
    expect(payloads.size).toBe(4);
    deaf.wire.socket.resume();
    for (const version of [0, 1]) {
      expect((await deaf.told('weights')).payload.every((byte) => byte === version)).toBe(true);
    }
    await expect.poll(() => payloads.has(slots.take())).toBe(true);
  });

  it('that does not read its weights is behind, and gets no others', async (t) => {
    const { server, url } = await newServer(t);
    const { channel, workers } = openWork(server);
    const stranger = await newStranger(t, url);
    await stranger.enter(workNamespace, handshakeOf('deaf'));
    stranger.wire.socket.pause();
    const worker = workers.get('deaf')!;
    let sent = 0;
    for (let version = 0; version < 100; version++) {
      if (!channel.isBehind(worker)) {
        channel.send(worker, { type: 'weights', version, payload: largePayload });
        sent++;
      }
      await setImmediate();
    }
    // One on its way, one that waits.
    expect(sent).toBe(2);
    const [socket] = server.io.of(workNamespace).sockets.values() as Iterable<ServerSocket>;
    const drained = once(socket.conn, 'drain');
    stranger.wire.socket.resume();
    await drained;
    expect(channel.isBehind(worker)).toBe(false);
  });
});

describe('a download', () => {
  it('that is not read is cut off', async (t) => {
    const { server, url } = await newServer(t, 200);
    const accepted = once(server.io.httpServer, 'connection');
    const socket = await dial(t, url);
    socket.pause().write(`GET /api/v1/data/${'0'.repeat(64)} HTTP/1.1\r\nhost: x\r\n\r\n`);
    const [otherEnd] = await accepted;
    await once(otherEnd, 'close');
    const received: number[] = [];
    for await (const chunk of socket) received.push(chunk.length);
    expect(received.reduce((sum, length) => sum + length)).toBeLessThan(largePayload.length);
  });
});
