// Nothing that anybody sends here is wrong; there is only too much of it, or too little.
import { setImmediate, setInterval } from 'node:timers/promises';
import { PacketType } from 'socket.io-parser';
import { describe, expect, it } from 'vitest';
import { messageEvent, workNamespace } from '../shared/protocol.ts';
import { encoded, newImpostor, newStranger } from './hostile-client.ts';
import { fateIn, newInnerCoordinator, next, noticesIn } from './inner-coordinator.ts';
import { dial, hangUp, opcodes, upgradeRequest, webSocketFrame } from './raw-websocket.ts';

const ready = { type: 'ready', engine: 'a liar', samplesPerSecond: 1e5 };
const farewell = { type: 'leave', reason: 'bored' };
const soon = { joinTimeoutMs: 500 };

describe('connections', () => {
  it('are as many as may be, and no more until one is gone', async (t) => {
    const { url, log } = await newInnerCoordinator(t, { limits: { maxConnections: 3 } });
    const [first] = await Promise.all([dial(t, url), dial(t, url), dial(t, url)]);
    const oneTooMany = await dial(t, url);
    await hangUp(oneTooMany);
    const isSeen = hangUp(first);
    first.end('GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    await isSeen;
    await newImpostor(t, url, 'lucky');
    expect(fateIn(log, 'lucky')).toEqual(['joined']);
    expect(noticesIn(log)).toEqual([
      'refused "127.0.0.1": as many connections as may be are open already',
    ]);
  });

  it('are not opened over and over again', async (t) => {
    const { url, log } = await newInnerCoordinator(t, { limits: { maxConnections: 5 } });
    const heads: string[] = [];
    for (let time = 0; time < 8; time++) {
      const { wire } = await newStranger(t, url);
      heads.push(wire.head.slice(0, 12));
      wire.socket.destroy();
      await wire.closed;
    }
    expect(heads).toEqual([...Array(5).fill('HTTP/1.1 101'), ...Array(3).fill('HTTP/1.1 400')]);
    expect(noticesIn(log)).toEqual(['refused "127.0.0.1": too many come from its address at once']);
  });

  it.for<[string, string]>([
    ['say nothing', ''],
    ['say half a header', 'GET /livez HTTP/1.1\r\nhos'],
    ['say half a body', 'GET /livez HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nx'],
    ['open a WebSocket and nothing else', upgradeRequest('http://127.0.0.1')],
  ])('that %s are closed', async ([, words], t) => {
    const { url } = await newInnerCoordinator(t, { limits: soon });
    const socket = await dial(t, url);
    socket.write(words);
    socket.on('end', () => socket.end());
    await hangUp(socket);
  });

  it('whose headers come byte by byte are closed', async (t) => {
    const { url } = await newInnerCoordinator(t, { limits: soon });
    const socket = await dial(t, url);
    socket.resume().write('GET /livez HTTP/1.1\r\nx: ');
    let sent = 0;
    for await (const _ of setInterval(20)) {
      if (socket.closed || sent++ > 500) break;
      socket.write('x');
    }
    expect(socket.closed).toBe(true);
  });

  it('from pages of other sites are closed', async (t) => {
    const { url, log } = await newInnerCoordinator(t);
    const { host } = new URL(url);
    const answerTo = async (origin: string, asked = host) => {
      const { wire } = await newStranger(t, url, { headers: { origin, host: asked } });
      return wire.head.slice(9, 12);
    };
    expect(await answerTo(`http://${host}`)).toBe('101');
    expect(await answerTo('http://elsewhere.example')).toBe('400');
    expect(await answerTo('null')).toBe('400');
    // A name that was made to point here.
    expect(await answerTo('http://evil.example:1', 'evil.example:1')).toBe('400');
    expect(noticesIn(log)).toEqual(['refused "127.0.0.1": its page was loaded from another site']);
  });
});

describe('a worker', () => {
  it('that is not ready in time is expelled, one that is stays', async (t) => {
    const { url, log } = await newInnerCoordinator(t, { limits: soon });
    const { stranger: keen } = await newImpostor(t, url, 'keen');
    keen.say(ready);
    const { stranger } = await newImpostor(t, url, 'idle');
    expect(await stranger.told('refused')).toMatchObject({ reason: 'slow' });
    await stranger.wire.closed;
    const why = 'it was not ready in the time that a worker may take to join';
    expect(fateIn(log, 'idle')).toEqual(['joined', `expelled: ${why}`]);
    expect(fateIn(log, 'keen')).not.toContain(`expelled: ${why}`);
  });

  it('that computes with another engine than the run asks for is expelled', async (t) => {
    const { url, log } = await newInnerCoordinator(t, { config: { engine: 'onnx:cpu' } });
    const { stranger } = await newImpostor(t, url, 'other');
    stranger.say(ready);
    expect(await stranger.told('refused')).toMatchObject({ reason: 'engine' });
    const why = 'the run asks for one engine everywhere, and it has another';
    expect(fateIn(log, 'other')).toEqual(['joined', `expelled: ${why}`]);
  });

  it('that sends more than it may is expelled', async (t) => {
    const { url, log } = await newInnerCoordinator(t, { limits: { messagesPerSecond: 20 } });
    const { stranger } = await newImpostor(t, url, 'talker');
    const message = { type: PacketType.EVENT, nsp: workNamespace, data: [messageEvent, ready] };
    stranger.wire.write(Buffer.concat(Array(100).fill(webSocketFrame(encoded(message)))));
    expect(await stranger.told('refused')).toMatchObject({ reason: 'flood' });
    await stranger.wire.closed;
    const why = 'it sends more messages a second than a worker needs';
    expect(fateIn(log, 'talker')).toEqual(['joined', `expelled: ${why}`]);
  });

  it('that answers a question again and again is cut off', async (t) => {
    const { url, log } = await newInnerCoordinator(t);
    const { stranger } = await newImpostor(t, url, 'heartbeat');
    const pong = webSocketFrame('3', { opcode: opcodes.text });
    stranger.wire.write(Buffer.concat(Array(100).fill(pong)));
    await stranger.wire.closed;
    expect(fateIn(log, 'heartbeat')).toEqual(['joined', 'left: it was cut off']);
  });

  it('that asks whether somebody is there gets no answer to pile up', async (t) => {
    const { url } = await newInnerCoordinator(t);
    const { stranger } = await newImpostor(t, url, 'pinging');
    stranger.wire.write(
      Buffer.concat(Array(1000).fill(webSocketFrame('', { opcode: opcodes.ping }))),
    );
    stranger.say(farewell);
    await stranger.wire.closed;
    expect(stranger.wire.opcodes).not.toContain(opcodes.pong);
  });

  it('that sends a frame in thousands of pieces is cut off', async (t) => {
    const { url, log } = await newInnerCoordinator(t);
    const { stranger } = await newImpostor(t, url, 'drip');
    stranger.wire.write(webSocketFrame('', { length: 100_000 }));
    for (let sent = 0; sent < 20_000 && !stranger.wire.isClosed; sent++) {
      stranger.wire.write('x');
      await setImmediate();
    }
    await stranger.wire.closed;
    expect(fateIn(log, 'drip')[1]).toMatch(/^rejected/);
  });
});

describe('a thousand idle sockets', () => {
  it('keep nobody from training, and are closed in time', async (t) => {
    const limits = { maxConnections: 1100, joinTimeoutMs: 5000 };
    const { url, log, addWorker, server } = await newInnerCoordinator(t, { limits });
    addWorker();
    await next(log, 'step');
    const idle = await Promise.all(Array.from({ length: 500 }, () => dial(t, url)));
    const opened = await Promise.all(Array.from({ length: 500 }, () => newStranger(t, url)));
    await next(log, 'step');
    const gone = idle.map((socket) => hangUp(socket));
    await Promise.all([...gone, ...opened.map(({ wire }) => wire.closed)]);
    await next(log, 'step');
    expect(server.io.engine.clientsCount).toBe(1);
  });
});
