// A worker that computes nothing: it answers each lease at once, with a gradient that was prepared. Its socket and its
// frames are real; what it receives with a payload, the weights, it lets pass unread.
import { connect, type Socket } from 'node:net';
import { PacketType } from 'socket.io-parser';
import {
  type Handshake,
  messageEvent,
  type ToWorker,
  workNamespace,
} from '../../shared/protocol.ts';
import { decodeFrame, encodeFrame } from '../../shared/wire.ts';
import { opcodes, upgradeRequest } from '../raw-websocket.ts';

export interface PreparedWorkerOptions {
  readonly url: string;
  readonly handshake: Handshake;
  readonly onMessage: (message: ToWorker, worker: PreparedWorker) => void;
  /** Its connection is gone, or was refused. */
  readonly onGone: () => void;
}

/** A frame around a payload begins so: an array of four. */
const elementsWithPayload = 4;
/** Enough to see what a message is. */
const peekBytes = 3;

export class PreparedWorker {
  readonly socket: Socket;
  readonly #options: PreparedWorkerOptions;
  #isUpgraded = false;
  /** Of a message that is not whole yet: its first bytes, all of it unless it has a payload. */
  #unread: Uint8Array = new Uint8Array();
  /** Bytes of a payload that are still to come. */
  #toSkip = 0;

  constructor(options: PreparedWorkerOptions) {
    this.#options = options;
    const { hostname: host, port } = new URL(options.url);
    this.socket = connect({ host, port: Number(port), noDelay: true });
    this.socket.on('error', () => undefined);
    this.socket.once('close', options.onGone);
    this.socket.once('connect', () => this.socket.write(upgradeRequest(options.url)));
    this.socket.on('data', (bytes: Buffer) => this.#read(bytes));
  }

  /** `payload` must not change before it is sent. */
  say(message: object, payload?: Uint8Array): void {
    this.#packet([PacketType.EVENT, workNamespace, [messageEvent, message]], payload);
  }

  #packet(header: unknown[], payload?: Uint8Array): void {
    this.#write(opcodes.binary, encodeFrame(header, payload));
  }

  /** With the mask 0, which leaves the bytes as they are: so they are not copied. */
  #write(opcode: number, body: Uint8Array): void {
    const isShort = body.length < 126;
    const head = Buffer.alloc(isShort ? 6 : 14);
    head[0] = 0x80 | opcode;
    head[1] = 0x80 | (isShort ? body.length : 127);
    if (!isShort) head.writeBigUInt64BE(BigInt(body.length), 2);
    this.socket.cork();
    this.socket.write(head);
    this.socket.write(body);
    this.socket.uncork();
  }

  #read(bytes: Uint8Array): void {
    const skipped = Math.min(this.#toSkip, bytes.length);
    this.#toSkip -= skipped;
    const rest = bytes.subarray(skipped);
    this.#unread = this.#unread.length === 0 ? rest : Buffer.concat([this.#unread, rest]);
    if (!this.#isUpgraded) {
      const end = Buffer.from(this.#unread).indexOf('\r\n\r\n');
      if (end < 0) return;
      this.#isUpgraded = true;
      this.#unread = this.#unread.subarray(end + 4);
    }
    while (this.#toSkip === 0 && this.#takeMessage());
  }

  /** False when more has to come first. Servers do not mask, and this one does not cut its messages into pieces. */
  #takeMessage(): boolean {
    const unread = this.#unread;
    if (unread.length < 2) return false;
    const start = { 126: 4, 127: 10 }[unread[1]] ?? 2;
    if (unread.length < start + peekBytes) {
      // The shortest message of all is a heartbeat.
      if (unread[1] >= peekBytes || unread.length < start + unread[1]) return false;
    }
    const view = new DataView(unread.buffer, unread.byteOffset);
    let length: number = unread[1];
    if (start === 4) length = view.getUint16(2);
    if (start === 10) length = Number(view.getBigUint64(2));
    const end = start + length;
    const opcode = unread[0] & 0x0f;
    if (opcode === opcodes.binary && unread[start + 2] === elementsWithPayload) {
      this.#toSkip = Math.max(0, end - unread.length);
      this.#unread = unread.subarray(Math.min(end, unread.length));
      return true;
    }
    if (unread.length < end) return false;
    this.#unread = unread.subarray(end);
    this.#hear(opcode, unread.subarray(start, end));
    return true;
  }

  #hear(opcode: number, body: Uint8Array): void {
    if (opcode === opcodes.close) return void this.socket.end();
    if (opcode === opcodes.text) {
      const words = Buffer.from(body).toString();
      if (words.startsWith('0')) {
        this.#packet([PacketType.CONNECT, workNamespace, this.#options.handshake]);
      }
      if (words === '2') this.#write(opcodes.text, Buffer.from('3'));
      return;
    }
    if (opcode !== opcodes.binary) return;
    const [type, , data] = decodeFrame(body).header as [PacketType, string, [string, ToWorker]];
    if (type === PacketType.EVENT) this.#options.onMessage(data[1], this);
    if (type === PacketType.CONNECT_ERROR) this.socket.destroy();
  }
}
