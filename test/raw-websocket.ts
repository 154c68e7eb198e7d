// WebSocket by hand: what a library would not send, or not leave unread.
import { EventEmitter, once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { TestScope } from './support.ts';

export const opcodes = { continued: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface FrameOptions {
  readonly opcode?: number;
  /** The last frame of its message. */
  readonly isFinal?: boolean;
  /** What the header says, whatever is true. */
  readonly length?: number;
  readonly isMasked?: boolean;
  /** More of them than it takes. */
  readonly hasLongLength?: boolean;
}

/** A frame with the mask 0, which leaves its payload as it is. */
export function webSocketFrame(payload: Uint8Array | string, options: FrameOptions = {}): Buffer {
  const body = Buffer.from(payload as Uint8Array);
  const {
    opcode = opcodes.binary,
    isFinal = true,
    length = body.length,
    isMasked = true,
    hasLongLength = length >= 1 << 16,
  } = options;
  const kind = hasLongLength ? 127 : Math.min(length, 126);
  const head = Buffer.alloc({ 126: 4, 127: 10 }[kind] ?? 2);
  head[0] = (isFinal ? 0x80 : 0) | opcode;
  head[1] = (isMasked ? 0x80 : 0) | kind;
  if (kind === 126) head.writeUInt16BE(length, 2);
  if (kind === 127) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, Buffer.alloc(isMasked ? 4 : 0), body]);
}

/** The frame, whose payload is so long, with another mask than 0. */
export function masked(frame: Buffer, payloadBytes: number, mask: Uint8Array): Buffer {
  const start = frame.length - payloadBytes;
  frame.set(mask, start - 4);
  for (let at = start; at < frame.length; at++) frame[at] ^= mask[(at - start) & 3];
  return frame;
}

/** A TCP connection on which nothing has been said. It is gone when the test ends. */
export async function dial(t: TestScope, url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  // That the other side hangs up is what is being looked at, and no error.
  socket.on('error', () => undefined);
  t.onTestFinished(async () => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** Resolves when the connection is gone, however it went, to all that came over it. */
export function hangUp(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk)).resume();
  return new Promise((resolve) => socket.once('close', () => resolve(Buffer.concat(chunks))));
}

export interface UpgradeOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly path?: string;
}

export const socketPath = '/socket.io/?EIO=4&transport=websocket';

export function upgradeRequest(
  url: string,
  { headers, path = socketPath }: UpgradeOptions = {},
): string {
  const lines = Object.entries({
    host: new URL(url).host,
    connection: 'upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

export interface ReceivedFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** Reads what comes in: one answer to an upgrade, then frames. */
export class RawWebSocket {
  readonly socket: Socket;
  /** Settles when the connection is gone. */
  readonly closed: Promise<void>;
  /** The answer to the upgrade, when it is here. */
  head = '';
  isClosed = false;
  /** Kinds of frames that have come. */
  readonly opcodes = new Set<number>();
  readonly #news = new EventEmitter();
  readonly #onFrame: (frame: ReceivedFrame) => void;
  #unread = Buffer.alloc(0);

  constructor(socket: Socket, onFrame: (frame: ReceivedFrame) => void) {
    this.socket = socket;
    this.#onFrame = onFrame;
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.isClosed = true;
        this.#news.emit('news');
        resolve();
      });
    });
    socket.on('data', (bytes: Buffer) => this.#read(bytes));
  }

  /** Bytes as they are. */
  write(bytes: Uint8Array | string): void {
    if (!this.socket.destroyed) this.socket.write(bytes);
  }

  /** Resolves to what `find` finds, after as many frames as it takes. */
  async until<Found>(find: () => Found | undefined): Promise<Found> {
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      if (this.isClosed) throw new Error('the coordinator hung up');
      await once(this.#news, 'news');
    }
  }

  #read(bytes: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, bytes]);
    if (this.head === '') {
      const end = this.#unread.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.head = this.#unread.toString('latin1', 0, end);
      this.#unread = this.#unread.subarray(end + 4);
    }
    for (let frame = this.#nextFrame(); frame; frame = this.#nextFrame()) {
      this.opcodes.add(frame.opcode);
      this.#onFrame(frame);
    }
    this.#news.emit('news');
  }

  /** Servers do not mask, and this one does not cut its messages into pieces. */
  #nextFrame(): ReceivedFrame | undefined {
    const unread = this.#unread;
    if (unread.length < 2) return undefined;
    const start = { 126: 4, 127: 10 }[unread[1]] ?? 2;
    if (unread.length < start) return undefined;
    let length: number = unread[1];
    if (start === 4) length = unread.readUInt16BE(2);
    if (start === 10) length = Number(unread.readBigUInt64BE(2));
    const end = start + length;
    if (unread.length < end) return undefined;
    this.#unread = unread.subarray(end);
    return { opcode: unread[0] & 0x0f, payload: unread.subarray(start, end) };
  }
}
