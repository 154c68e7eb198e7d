// Bytes that no client of ours would send: forged packets, frames that are none, WebSockets that break their rules.
import { type Packet, PacketType } from 'socket.io-parser';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { messageEvent, watchNamespace, workNamespace } from '../shared/protocol.ts';
import { encodeFrame } from '../shared/wire.ts';
import { forged } from './frames.ts';
import { encoded, handshakeOf, newImpostor, newStranger } from './hostile-client.ts';
import {
  dial,
  hangUp,
  opcodes,
  socketPath,
  upgradeRequest,
  webSocketFrame,
} from './raw-websocket.ts';
import { besiege, openScope, type Siege } from './siege.ts';

const { scope, close } = openScope();
let siege: Siege;
beforeAll(async () => {
  siege = await besiege(scope);
});
afterAll(close);

const nsp = workNamespace;
const { CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR, BINARY_EVENT } = PacketType;
const ready = { type: 'ready', engine: 'a liar', samplesPerSecond: 1e5 };
const bytes = new Uint8Array(100);

const frame = (payload: Uint8Array) => webSocketFrame(payload);
const packet = (forgery: Packet) => frame(encoded(forgery));
const header = (content: unknown) => frame(encodeFrame(content));
const good = encodeFrame([EVENT, nsp, [messageEvent, ready]]);

describe('a worker', () => {
  it.for<[string, string, Buffer]>([
    ['the event disconnect', 'malformed', packet({ type: EVENT, nsp, data: ['disconnect', ''] })],
    ['the event connect', 'malformed', packet({ type: EVENT, nsp, data: ['connect'] })],
    ['the event error', 'malformed', packet({ type: EVENT, nsp, data: ['error', new Error('x')] })],
    ['the event newListener', 'malformed', packet({ type: EVENT, nsp, data: ['newListener'] })],
    ['an event of its own', 'malformed', packet({ type: EVENT, nsp, data: ['obey', ready] })],
    [
      'two messages in one',
      'malformed',
      packet({ type: EVENT, nsp, data: ['message', ready, ready] }),
    ],
    [
      'a wish for an answer',
      'malformed',
      packet({ type: EVENT, nsp, data: ['message', ready], id: 1 }),
    ],
    ['an answer to nothing', 'malformed', packet({ type: ACK, nsp, data: [], id: 1 })],
    ['a refusal', 'malformed', packet({ type: CONNECT_ERROR, nsp, data: { message: 'no' } })],
    ['attachments to come', 'malformed', header([BINARY_EVENT, nsp, ['message', ready]])],
    ['a second greeting', 'malformed', packet({ type: CONNECT, nsp, data: handshakeOf('again') })],
    [
      'a word to everybody',
      'malformed',
      packet({ type: EVENT, nsp: '/', data: ['message', ready] }),
    ],
    [
      'a word to watchers',
      'malformed',
      packet({ type: EVENT, nsp: watchNamespace, data: ['message', ready] }),
    ],
    ['a farewell of others', 'malformed', packet({ type: DISCONNECT, nsp, data: ['w1'] })],
    ['ten thousand lists', 'malformed', frame(forged(new Uint8Array(10_000).fill(0x91)))],
    ['very many empty maps', 'malformed', header(Array(200_000).fill({}))],
    ['a list as long as it says', 'malformed', frame(forged(Buffer.from('ddffffffff', 'hex')))],
    ['a date', 'malformed', header([EVENT, nsp, [messageEvent, new Date()]])],
    ['a payload for nobody', 'malformed', frame(encodeFrame([DISCONNECT, nsp], bytes))],
    ['half a frame', 'corrupt', frame(good.subarray(0, good.length / 2))],
    ['a flipped bit', 'corrupt', frame(good.with(-1, good.at(-1)! ^ 1))],
    ['no frame', 'malformed', frame(bytes)],
    ['an empty frame', 'malformed', frame(new Uint8Array(0))],
    ['text', 'malformed', webSocketFrame('42["message"]', { opcode: opcodes.text })],
    [
      'text that is none',
      'malformed',
      webSocketFrame(Uint8Array.of(0xff), { opcode: opcodes.text }),
    ],
    ['a ping of its own', 'malformed', webSocketFrame('2', { opcode: opcodes.text })],
    ['a type of no protocol', 'malformed', webSocketFrame('x', { opcode: opcodes.text })],
    ['a terabyte', 'malformed', webSocketFrame(bytes, { length: 1e12 })],
    ['more than a gradient', 'malformed', webSocketFrame(bytes, { length: 1e6 })],
    ['bytes without a mask', 'malformed', webSocketFrame(good, { isMasked: false })],
    ['an opcode that is none', 'malformed', webSocketFrame(bytes, { opcode: 5 })],
    ['the end of nothing', 'malformed', webSocketFrame(bytes, { opcode: opcodes.continued })],
    ['a message in 1,025 pieces', 'malformed', inPieces(1025)],
  ])('that sends %s is refused as %s and cut off', async ([what, reason, attack], t) => {
    const { stranger, name } = await newImpostor(t, siege.url, what);
    stranger.wire.write(attack);
    // What comes after it is not even looked at.
    stranger.say(ready);
    expect(await siege.fateOf(name)).toEqual(['joined', `rejected: ${reason}`, 'left']);
    await stranger.wire.closed;
  });

  it('that hangs up in the middle of a frame is just gone', async (t) => {
    const { stranger, name } = await newImpostor(t, siege.url, 'cut');
    stranger.wire.socket.end(webSocketFrame(good, { length: good.length + 1 }));
    expect(await siege.fateOf(name)).toEqual(['joined', 'left']);
  });

  it('is one, however often it says so', async (t) => {
    const stranger = await newStranger(t, siege.url);
    const greeting = packet({ type: CONNECT, nsp, data: handshakeOf('many') });
    stranger.wire.write(Buffer.concat(Array(100).fill(greeting)));
    await stranger.wire.closed;
    const again = await newStranger(t, siege.url);
    await again.enter(nsp, handshakeOf('come and go'));
    again.packet({ type: DISCONNECT, nsp });
    expect(await siege.fateOf('come and go')).toEqual(['joined', 'left']);
    again.wire.write(greeting);
    await again.wire.closed;
    expect(siege.eventsOf('many')).toEqual([]);
  });
});

describe('somebody whom nobody let in', () => {
  it.for<[string, Buffer]>([
    ['speaks before the greeting', packet({ type: EVENT, nsp, data: ['message', ready] })],
    ['leaves before the greeting', packet({ type: DISCONNECT, nsp })],
    ['greets nobody', packet({ type: CONNECT, nsp: '/' })],
    ['greets who is not there', packet({ type: CONNECT, nsp: `/${'x'.repeat(100_000)}` })],
    ['greets like an object', packet({ type: CONNECT, nsp: '/__proto__' })],
    ['sends bytes', frame(bytes)],
    ['sends text', webSocketFrame('40/work,', { opcode: opcodes.text })],
  ])('and %s is told nothing and cut off', async ([, attack], t) => {
    const stranger = await newStranger(t, siege.url);
    stranger.wire.write(attack);
    await stranger.wire.closed;
    expect(stranger.received).toEqual([]);
  });

  it('and greets as nobody can is told why, once', async (t) => {
    const stranger = await newStranger(t, siege.url);
    const refusal = await stranger.enter(nsp, { protocol: 1 });
    const { message } = refusal.data;
    expect(message).toBe('its first message does not say who it is');
    stranger.packet({ type: CONNECT, nsp, data: handshakeOf('better') });
    await stranger.wire.closed;
    expect(stranger.received).toEqual([]);
  });
});

describe('a connection', () => {
  it('is taken over by nobody, not even by who knows its name', async (t) => {
    const { stranger } = await newImpostor(t, siege.url, 'named');
    const path = `${socketPath}&sid=${stranger.sid}`;
    const { wire } = await newStranger(t, siege.url, { path });
    expect(wire.head).toMatch(/^HTTP\/1.1 400/);
    stranger.say({ type: 'leave', reason: 'bored' });
    expect(await siege.fateOf('named')).toEqual(['joined', 'left']);
  });
});

describe('an HTTP request', () => {
  const polling = 'GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nhost: x\r\n\r\n';

  it.for<[string, string, RegExp]>([
    ['for //', 'GET // HTTP/1.1\r\nhost: x\r\n\r\n', /^HTTP\/1.1 404/],
    ['for a broken address', 'GET http://[ HTTP/1.1\r\nhost: x\r\n\r\n', /^HTTP\/1.1 404/],
    ['for a broken escape', 'GET /%ff%00%2e HTTP/1.1\r\nhost: x\r\n\r\n', /^HTTP\/1.1 404/],
    ['without a host', 'GET /livez HTTP/1.1\r\n\r\n', /^HTTP\/1.1 400/],
    ['with headers of a megabyte', `GET / HTTP/1.1\r\nx: ${'x'.repeat(1e6)}`, /^HTTP\/1.1 431|^$/],
    ['that is none', 'tutti please\r\n\r\n', /^HTTP\/1.1 400/],
    ['for polling', polling, /^HTTP\/1.1 400/],
    ['for a tunnel', 'CONNECT localhost:22 HTTP/1.1\r\nhost: x\r\n\r\n', /^$/],
    ['for another WebSocket', upgradeRequest('http://x', { path: '/elsewhere' }), /^$/],
    ['for one nearly there', upgradeRequest('http://x', { path: '/socket.iou' }), /^$/],
    [
      'for an old protocol',
      upgradeRequest('http://x', { path: socketPath.replace('4', '3') }),
      /400/,
    ],
  ])('%s is answered as it should be', async ([, request, answer], t) => {
    const socket = await dial(t, siege.url);
    const received = hangUp(socket);
    socket.end(request);
    expect((await received).toString()).toMatch(answer);
  });
});

describe('the run', () => {
  it('ends as if none of this had come', () => siege.endsUnharmed());
});

/** A binary message of one byte a frame. */
function inPieces(count: number): Buffer {
  const piece = (opcode: number, isFinal = false) =>
    webSocketFrame(Uint8Array.of(0), { opcode, isFinal });
  const middle = Array<Buffer>(count - 2).fill(piece(opcodes.continued));
  return Buffer.concat([piece(opcodes.binary), ...middle, piece(opcodes.continued, true)]);
}
