// Workers' sockets: who may speak, what they may say, and how much may wait to be sent to them.
import type { DisconnectReason, Server, Socket } from 'socket.io';
import * as v from 'valibot';
import type { GradientDoorbell } from '../shared/doorbell.ts';
import { cleanName } from '../shared/names.ts';
import type { Carrier } from '../shared/payload-slots.ts';
import {
  type FromWorker,
  fromWorkerSchema,
  handshakeSchema,
  messageEvent,
  protocolVersion,
  type RejectReason,
  rejectReasons,
  type ToWorker,
  type WorkerKind,
  workNamespace,
} from '../shared/protocol.ts';
import { WireError } from '../shared/wire.ts';
import { listenForDoorbells, ringAt } from './doorbells.ts';
import type { Limits } from './limits.ts';
import type { MemoryLane, MemoryLanes } from './memory-lanes.ts';
import { FloodError } from './strict-parser.ts';

export interface WorkerPeer {
  /** Unique in this run, however often its coordinator was started: `w12`. */
  readonly worker: string;
  readonly name: string;
  readonly kind: WorkerKind;
}

export interface WorkHandlers {
  joined(peer: WorkerPeer): void;
  message(peer: WorkerPeer, message: FromWorker): void;
  badMessage(peer: WorkerPeer, reason: RejectReason): void;
  left(peer: WorkerPeer, why: string): void;
  /** It must go at once, whatever it did before. */
  unbearable(peer: WorkerPeer, reason: RejectReason): void;
  /** Somebody who never became a worker. */
  refused(name: string, reason: RejectReason): void;
  /** A handler threw: a mistake of ours, not of the worker. */
  failed(error: unknown): void;
}

export interface Traffic {
  readonly bytesIn: number;
  readonly bytesOut: number;
}

export interface WorkChannel {
  /** Returns what a payload goes out through; undefined when it has gone already, or the worker is. */
  send(worker: string, message: ToWorker): Carrier | undefined;
  /** Weights are still on their way to this worker: it gets no others meanwhile. */
  isBehind(worker: string): boolean;
  /** Calls when the worker's connection has answered. */
  ping(worker: string, onPong: () => void): void;
  /** Undefined for one that is gone. */
  nameOf(worker: string): string | undefined;
  /** Of its connection, all protocols' own overhead included. */
  trafficOf(worker: string): Traffic;
  /** Says why, if that is not known, then hangs up. */
  dismiss(worker: string, message?: ToWorker): void;
  /** Also those who come later. */
  dismissAll(message: ToWorker): void;
}

/** How a worker is reached. */
interface Line {
  readonly peer: WorkerPeer;
  readonly socket: Socket;
  /** Of one that may be on this machine. */
  readonly lane?: MemoryLane;
}

export interface WorkChannelOptions {
  /** For workers of this machine; without them all payloads go through sockets. */
  readonly lanes?: MemoryLanes;
  /** The highest number that a worker of this run ever had. */
  readonly lastWorker?: number;
}

export function openWorkChannel(
  io: Server,
  handlers: WorkHandlers,
  limits: Pick<Limits, 'joinTimeoutMs' | 'messagesPerSecond'>,
  { lanes, lastWorker = 0 }: WorkChannelOptions = {},
): WorkChannel {
  const peers = new Map<string, Line>();
  const behind = new WeakSet<Socket>();
  let admitted = lastWorker;
  /** What everybody is told once the run is over. */
  let lastWord: ToWorker | undefined;

  /** Nothing that a message sets off may end the process. */
  const guarded = <Result>(action: () => Result): Result | undefined => {
    try {
      return action();
    } catch (error) {
      handlers.failed(error);
      return undefined;
    }
  };

  const namespace = io.of(workNamespace);
  namespace.use((socket, next) => {
    const { name, reason } = readHandshake(socket.handshake.auth);
    if (reason === undefined) return next();
    guarded(() => handlers.refused(name, reason));
    next(Object.assign(new Error(rejectReasons[reason]), { data: { reason } }));
  });
  namespace.on('connection', (socket) => {
    if (lastWord !== undefined) {
      socket.emit(messageEvent, lastWord);
      return void socket.disconnect(true);
    }
    const worker = `w${++admitted}`;
    const { kind, name, sharesMemory } = v.parse(handshakeSchema, socket.handshake.auth);
    const peer: WorkerPeer = { worker, kind, name: cleanName(name, worker) };
    const lane = sharesMemory ? lanes?.laneOf(socket) : undefined;
    peers.set(worker, { peer, socket, lane });
    const drained = (): void => void behind.delete(socket);
    socket.conn.on('drain', drained);
    const joinTimer = setTimeout(() => {
      guarded(() => handlers.unbearable(peer, 'slow'));
    }, limits.joinTimeoutMs);
    const handle = (data: unknown): void => {
      guarded(() => {
        const message = v.safeParse(fromWorkerSchema, data);
        if (!message.success) return handlers.badMessage(peer, 'malformed');
        // A relay waits for others: it has come when it says who is there.
        if (['ready', 'crew'].includes(message.output.type)) clearTimeout(joinTimer);
        handlers.message(peer, message.output);
      });
    };
    if (lane !== undefined) {
      const hear = (message: FromWorker) => guarded(() => handlers.message(peer, message));
      const rang = (doorbell: GradientDoorbell) => guarded(() => lane.rang(doorbell, hear));
      listenForDoorbells(socket, limits, (doorbell) => rang(doorbell) ?? false);
    }
    socket.on(messageEvent, (data: unknown) => {
      if (lane) guarded(() => lane.arrived(data, handle));
      else handle(data);
    });
    // A frame that is none: socket.io closes the connection after this.
    socket.on('error', (error: Error) => {
      guarded(() => {
        if (error instanceof FloodError) handlers.unbearable(peer, 'flood');
        else handlers.badMessage(peer, error instanceof WireError ? error.reason : 'malformed');
      });
    });
    socket.on('disconnect', (why, description) => {
      if (brokeRules(why, description)) guarded(() => handlers.badMessage(peer, 'malformed'));
      peers.delete(worker);
      lane?.close();
      clearTimeout(joinTimer);
      socket.conn.off('drain', drained);
      guarded(() => handlers.left(peer, farewells[why] ?? why));
    });
    guarded(() => handlers.joined(peer));
    if (lane !== undefined) socket.emit(messageEvent, lane.offer);
  });

  const dismiss = (worker: string, message?: ToWorker): void => {
    const socket = peers.get(worker)?.socket;
    if (message !== undefined) socket?.emit(messageEvent, message);
    socket?.disconnect(true);
  };
  return {
    send: (worker, message) => {
      const line = peers.get(worker);
      if (line === undefined) return undefined;
      const { socket, lane } = line;
      const leaving: readonly unknown[] = lane ? lane.leaving(message) : [message];
      const isWhole = message.type === 'weights' && leaving.includes(message);
      // Before it goes: what the connection takes at once is not behind any more when that returns.
      if (isWhole) behind.add(socket);
      for (const each of leaving) if (!ringAt(socket, each)) socket.emit(messageEvent, each);
      return isWhole ? carrierOf(socket) : undefined;
    },
    isBehind: (worker) => {
      const socket = peers.get(worker)?.socket;
      return socket !== undefined && behind.has(socket);
    },
    trafficOf: (worker) => {
      const { bytesRead, bytesWritten } = peers.get(worker)?.socket.request.socket ?? noBytes;
      return { bytesIn: bytesRead, bytesOut: bytesWritten };
    },
    ping: (worker, onPong) => {
      const connection = peers.get(worker)?.socket.conn;
      connection?.once('heartbeat', onPong);
      // The same that it sends every few seconds, in its turn.
      (connection as unknown as Pinging | undefined)?.sendPacket('ping');
    },
    nameOf: (worker) => peers.get(worker)?.peer.name,
    dismiss,
    dismissAll: (message) => {
      lastWord = message;
      for (const worker of [...peers.keys()]) dismiss(worker, message);
    },
  };
}

/** What engine.io keeps for itself. */
interface Pinging {
  sendPacket(type: 'ping'): void;
}

/** Of one that is gone. */
const noBytes = { bytesRead: 0, bytesWritten: 0 };

/** Its own buffer first, then that of the connection; what a broken one still holds goes nowhere. */
function carrierOf({ conn }: Socket): Carrier {
  const waiting = conn as unknown as { readonly writeBuffer: readonly unknown[] };
  const connection = conn.request.socket;
  return {
    hasSentAll: () =>
      connection.destroyed || (waiting.writeBuffer.length === 0 && connection.writableLength === 0),
  };
}

/** The bytes were no WebSocket, or no engine.io in it; others just stopped coming. */
function brokeRules(why: DisconnectReason, description?: Error): boolean {
  if (why === 'parse error') return true;
  return why === 'transport error' && description?.message !== 'write error';
}

function readHandshake(auth: unknown): { name: string; reason?: RejectReason } {
  const handshake = v.safeParse(handshakeSchema, auth);
  if (!handshake.success) return { name: 'somebody', reason: 'handshake' };
  const name = cleanName(handshake.output.name, 'somebody');
  return handshake.output.protocol === protocolVersion ? { name } : { name, reason: 'protocol' };
}

/** How socket.io names the end of a connection, for people. */
const farewells: Readonly<Record<string, string>> = {
  'transport close': 'its connection closed',
  'transport error': 'its connection broke',
  'ping timeout': 'it gave no sign of life',
  'parse error': 'it was cut off',
  'forced close': 'it was cut off',
  'client namespace disconnect': 'it left',
  'server namespace disconnect': 'it was sent away',
};
