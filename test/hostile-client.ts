// A client that keeps no rules: it knows the protocol, says what it likes, and reads only when it wants to.
import type { Socket } from 'node:net';
import { type Packet, PacketType } from 'socket.io-parser';
import { modelOf, planOf } from '../shared/config.ts';
import {
  type GradientMessage,
  type Handshake,
  type LeaseMessage,
  messageEvent,
  protocolVersion,
  type ToWorker,
  workNamespace,
} from '../shared/protocol.ts';
import { Decoder, Encoder } from '../shared/socket-parser.ts';
import {
  dial,
  opcodes,
  RawWebSocket,
  type UpgradeOptions,
  upgradeRequest,
  webSocketFrame,
} from './raw-websocket.ts';
import type { TestScope } from './support.ts';

type Welcome = Extract<ToWorker, { type: 'welcome' }>;

const heartbeat = webSocketFrame('3', { opcode: opcodes.text });

export class Stranger {
  readonly wire: RawWebSocket;
  /** Packets that nobody has asked for yet. */
  readonly received: Packet[] = [];
  /** The secret name of its connection, when it has been told. */
  sid: string | undefined;
  readonly #decoder = new Decoder();

  constructor(socket: Socket) {
    this.#decoder.on('decoded', (packet) => this.received.push(packet));
    this.wire = new RawWebSocket(socket, ({ opcode, payload }) => {
      if (opcode === opcodes.text) this.#hear(payload.toString());
      if (opcode === opcodes.binary) this.#decoder.add(payload);
      if (opcode === opcodes.close) this.wire.socket.end();
    });
  }

  /** Engine.io's own words: how a connection begins, and whether anybody is there. */
  #hear(words: string): void {
    if (words.startsWith('0')) this.sid = JSON.parse(words.slice(1)).sid;
    if (words === '2') this.wire.write(heartbeat);
  }

  /** One binary message. */
  frame(payload: Uint8Array): void {
    this.wire.write(webSocketFrame(payload));
  }

  packet(packet: Packet): void {
    this.frame(encoded(packet));
  }

  /** A worker's message, or what passes for one. */
  say(message: unknown): void {
    this.packet({ type: PacketType.EVENT, nsp: workNamespace, data: [messageEvent, message] });
  }

  /** Resolves to what it is told at the door. */
  async enter(nsp: string, data?: object): Promise<Packet> {
    this.packet({ type: PacketType.CONNECT, nsp, data });
    return this.next((packet) => packet.nsp === nsp && packet.type !== PacketType.EVENT);
  }

  /** The next message of this type. */
  async told<Type extends ToWorker['type']>(type: Type): Promise<ToWorker & { type: Type }> {
    return (await this.next(({ data }) => data?.[1]?.type === type)).data[1];
  }

  /** The first such packet, which is taken off the list of what has come. */
  next(isMeant: (packet: Packet) => boolean): Promise<Packet> {
    return this.wire.until(() => {
      const at = this.received.findIndex(isMeant);
      return at < 0 ? undefined : this.received.splice(at, 1)[0];
    });
  }
}

const encoder = new Encoder();

export function encoded(packet: Packet): Uint8Array {
  return encoder.encode(packet)[0];
}

export async function newStranger(
  t: TestScope,
  url: string,
  options: UpgradeOptions = {},
): Promise<Stranger> {
  const stranger = new Stranger(await dial(t, url));
  stranger.wire.write(upgradeRequest(url, options));
  await stranger.wire.until(() => stranger.wire.head || undefined);
  return stranger;
}

export function handshakeOf(name: string): Handshake {
  return { protocol: protocolVersion, name, kind: 'node' };
}

/** A stranger whom the coordinator takes for a worker. */
export interface Impostor {
  readonly stranger: Stranger;
  readonly name: string;
  readonly welcome: Welcome;
}

/** `more` is what else its handshake says. */
export async function newImpostor(
  t: TestScope,
  url: string,
  name: string,
  more: Partial<Handshake> = {},
): Promise<Impostor> {
  const stranger = await newStranger(t, url);
  await stranger.enter(workNamespace, { ...handshakeOf(name), ...more });
  return { stranger, name, welcome: await stranger.told('welcome') };
}

/** The answer to a lease: as it should be, but for its numbers, which are all 0. */
export function answerTo(
  { run, config }: Welcome,
  { epoch, step, version, runs: [leased] }: LeaseMessage,
): GradientMessage {
  const plan = planOf(config);
  return {
    type: 'gradient',
    run,
    epoch,
    step,
    version,
    ...leased,
    samples: plan.runSize(step, leased.start, leased.length),
    lossSum: 0,
    correct: 0,
    computeMs: 1,
    payload: new Uint8Array(4 * modelOf(config).parameterCount),
  };
}
