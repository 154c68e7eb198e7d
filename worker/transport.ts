// socket.io-client behind the few members that a worker uses.
import { io, type Socket } from 'socket.io-client';
import * as v from 'valibot';
import type { PlacedMessage } from '../shared/memory-messages.ts';
import type { Carrier } from '../shared/payload-slots.ts';
import {
  type FromWorker,
  type Handshake,
  messageEvent,
  type ToWorker,
  toWorkerSchema,
  workNamespace,
} from '../shared/protocol.ts';
import { socketParser } from '../shared/socket-parser.ts';

export interface TransportEvents {
  /** A new connection: nothing that was agreed on the last one holds. */
  readonly onOpen: () => void;
  /** A payload stays in its place only while this runs. */
  readonly onMessage: (message: ToWorker) => void;
  /** Where a payload of so many bytes should be put, if it can be; what was there is of no use after this. */
  readonly roomFor?: (payloadBytes: number) => Uint8Array | undefined;
  /** The connection is gone. Unless `isFinal`, another one is being tried for. */
  readonly onClose: (why: string, isFinal: boolean) => void;
}

export interface Transport {
  /** A payload needs no memory of its own: it is read before `send` returns. */
  readsAtOnce(): boolean;
  /** Memory of so many bytes for the payload of the next message. */
  roomFor(payloadBytes: number): Uint8Array;
  /** Done with the message when it returns, but for memory of its own. Does nothing when the connection is gone. */
  send(message: FromWorker): void;
  /**
   * Where the payload, of so many bytes, of the next message may be made already. What is there is of no use to anybody
   * before `sendWith` says so.
   */
  roomAhead(payloadBytes: number): Uint8Array | undefined;
  /**
   * Like `send` for a message whose payload, of so many bytes, is made while the other end is told of it, or before. Where
   * there is a room for it, it goes out from there; it may be anywhere else all the same.
   */
  sendWith(message: PayloadHeader, payloadBytes: number, makePayload: MakePayload): void;
  /** Offers memory that payloads may come to and go out from by themselves; what was offered before is of no use now. */
  lend(memory: LentMemory): void;
  close(): void;
}

export type MakePayload = (room?: Uint8Array) => Uint8Array;

/** Memory beside the vectors that payloads are made of, and become. */
export interface LentMemory {
  readonly weightsBytes: number;
  readonly gradientBytes: number;
  /** Whole pages for at least so many bytes, as long as there are some. */
  pages(bytes: number): Uint8Array | undefined;
}

/** A message but for its payload. */
export type PayloadHeader = Omit<Extract<FromWorker, { payload: unknown }>, 'payload'>;

/** What is said of a payload before it is there. */
export interface Announcement {
  /** In place of the message. */
  readonly message: PlacedMessage;
  /** Where it may be made. */
  readonly room?: Uint8Array;
  /** Brings the payload once that is said. */
  fill(payload: Uint8Array): void;
}

export type Connect = (events: TransportEvents) => Transport;

/** Memory that payloads go out from. */
export interface OutgoingMemory {
  /** For a payload of so many bytes, which is sent from there. */
  take(payloadBytes: number): Uint8Array;
  /** It goes out through this carrier. */
  lend(payload: Uint8Array, carrier: Carrier): void;
}

/** What a lane needs of the socket beside it. */
export interface LaneEnds {
  readonly webSocket: object;
  /** Nothing that was sent still waits for the WebSocket to take it. */
  isIdle(): boolean;
  /** Takes `data` for what came. */
  handle(data: unknown): void;
  /** As `handle`, for what is known to be a message. */
  accept(message: ToWorker): void;
  reply(message: unknown): void;
  /** As in `TransportEvents`. */
  readonly roomFor?: (payloadBytes: number) => Uint8Array | undefined;
}

/** Another way for some payloads. */
export interface SideLane {
  /** What leaves by it is read before `leaving` returns. */
  readonly isOpen: boolean;
  /** There is a connection: until it is gone, this lane is beside it. */
  begin(ends: LaneEnds): void;
  /** Hands on what to take for the message that came. */
  arrived(data: unknown): void;
  /** As of a transport. */
  roomAhead(payloadBytes: number): Uint8Array | undefined;
  /** Undefined where nothing can be said of a payload of so many bytes before it is there. */
  announce(message: PayloadHeader, payloadBytes: number): Announcement | undefined;
  /** Says what was announced. */
  tell(announcement: Announcement): void;
  /** What goes through the socket in place of `message`. */
  leaving(message: FromWorker): unknown;
  /** As of a transport. */
  lend(memory: LentMemory): void;
  /** The connection is gone. */
  close(): void;
}

export interface SocketTransportOptions {
  /** The coordinator: `http://host:7070`. */
  readonly url: string;
  readonly handshake: Handshake;
  /** What carries the frames: a browser's WebSocket unless told otherwise. */
  readonly webSocket?: WebSocketTransport;
  /** Names an error of the connection that no further try would change. */
  readonly faultOf?: (error: unknown) => string | undefined;
  /** Where payloads go out from: fresh memory each unless told otherwise. */
  readonly memory?: OutgoingMemory;
  readonly lane?: SideLane;
}

/** What Node's and a tab's have in common. */
interface WebSocketState {
  readonly readyState: number;
  readonly bufferedAmount: number;
}
const closed = 3;

export type ManagerTransports = NonNullable<NonNullable<Parameters<typeof io>[1]>['transports']>;
export type WebSocketTransport = Exclude<ManagerTransports[number], string>;

/** Tries again, with growing pauses, until it is closed or the coordinator refuses by name. */
export function socketTransport(options: SocketTransportOptions): Connect {
  const { url, handshake, webSocket = 'websocket', memory, lane, faultOf } = options;
  return ({ onOpen, onMessage, onClose, roomFor }) => {
    const socket = io(new URL(workNamespace, url).href, {
      transports: [webSocket] as ManagerTransports,
      parser: socketParser,
      auth: handshake,
      forceNew: true,
      reconnectionDelay: 250,
      // Half as much again by chance: so soon it is back when the network is.
      reconnectionDelayMax: 1000,
      timeout: 10_000,
    });
    socket.on('connect', () => {
      const { engine } = socket.io;
      lane?.begin({
        webSocket: webSocketOf(engine),
        isIdle: () => socket.connected && engine.writeBuffer.length === 0,
        handle,
        accept: (message) => {
          if (socket.connected) onMessage(message);
        },
        reply: emit,
        roomFor,
      });
      onOpen();
    });
    socket.on('connect_error', (error) => {
      const fault = faultOf?.(error);
      onClose(fault ?? explain(error), fault !== undefined || !socket.active);
    });
    socket.on('disconnect', (reason) => {
      // After a jump of the clock or a sleep, what is sent is kept for the next connection, where nobody asked for it.
      socket.sendBuffer = [];
      lane?.close();
      onClose(sentence(reason), !socket.active);
    });
    const emit = (message: unknown): unknown => socket.emit(messageEvent, message);
    const handle = (data: unknown): void => {
      const message = v.safeParse(toWorkerSchema, data);
      if (message.success) onMessage(message.output);
      else onClose('the coordinator sent a message that this version does not know', true);
    };
    socket.on(messageEvent, (data: unknown) => {
      if (lane) lane.arrived(data);
      else handle(data);
    });
    const send = (message: FromWorker): void => {
      if (!socket.connected) return;
      const leaving = lane ? lane.leaving(message) : message;
      if (leaving === message && 'payload' in message) {
        memory?.lend(message.payload, carrierOf(socket.io.engine));
      }
      emit(leaving);
    };
    return {
      readsAtOnce: () => lane?.isOpen ?? false,
      roomFor: (bytes) => memory?.take(bytes) ?? new Uint8Array(bytes),
      send,
      roomAhead: (bytes) => (socket.connected ? lane?.roomAhead(bytes) : undefined),
      sendWith: (message, payloadBytes, makePayload) => {
        const announcement = socket.connected ? lane?.announce(message, payloadBytes) : undefined;
        if (announcement === undefined) return send({ ...message, payload: makePayload() });
        lane?.tell(announcement);
        announcement.fill(makePayload(announcement.room));
      },
      lend: (lent) => lane?.lend(lent),
      close: () => socket.disconnect(),
    };
  };
}

/** Its own buffer first, then that of the WebSocket; what a closed one still holds goes nowhere. */
function carrierOf(engine: Socket['io']['engine']): Carrier {
  const ws = webSocketOf(engine);
  return {
    hasSentAll: () =>
      engine.writeBuffer.length === 0 && (ws.readyState === closed || ws.bufferedAmount === 0),
  };
}

function webSocketOf(engine: Socket['io']['engine']): WebSocketState {
  return (engine.transport as unknown as { readonly ws: WebSocketState }).ws;
}

/** A refusal carries its own words; everything else is that nobody answers. */
function explain(error: Error & { data?: { reason?: string } }): string {
  if (error.data?.reason) return error.message;
  return 'nobody answers there';
}

function sentence(reason: string): string {
  return reason === 'io server disconnect' ? 'the coordinator hung up' : 'the connection broke';
}
