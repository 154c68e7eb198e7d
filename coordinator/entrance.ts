// Who may open a WebSocket, and what socket.io leaves open to those who have one.
import type { IncomingMessage, Server } from 'node:http';
import type { Server as SocketServer } from 'socket.io';
import { type RejectReason, rejectReasons } from '../shared/protocol.ts';
import { createRateLimit } from './limits.ts';
import { isFromHere } from './origin.ts';

export interface EntranceOptions {
  /** The address that it listens on. */
  readonly host: string;
  readonly maxConnections: number;
  /** Somebody at this address did not even get a connection. */
  readonly onRefused: (address: string, why: string) => void;
}

/** All places may be taken at once, as when a room of workers comes back; who comes and goes waits this long. */
const secondsToFill = 10;

interface EngineRequest extends IncomingMessage {
  readonly _query: Readonly<Record<string, string>>;
}

type Next = (error?: Error) => void;

/** `io` must leave upgrades to other addresses alone. */
export function guardEntrance(http: Server, io: SocketServer, options: EntranceOptions): void {
  const { host, maxConnections, onRefused } = options;
  const now = performance.now();
  const isAllowed = createRateLimit(maxConnections / secondsToFill, now, maxConnections);
  const refuse = (address: string | undefined, reason: RejectReason): Error => {
    onRefused(address ?? 'somebody', rejectReasons[reason]);
    return new Error(rejectReasons[reason]);
  };
  http.on('drop', (connection) => void refuse(connection?.remoteAddress, 'full'));
  http.on('upgrade', ({ url }, socket) => {
    // Nobody else waits for it, and no timeout of HTTP would end it.
    if (!url?.startsWith(`${io.path()}/`)) socket.destroy();
  });
  io.engine.use((request: EngineRequest, _: unknown, next: Next) => {
    const { remoteAddress } = request.socket;
    if (!isFromHere(request.headers, host)) return next(refuse(remoteAddress, 'origin'));
    if (!isAllowed(performance.now())) return next(refuse(remoteAddress, 'crowd'));
    // A second transport for the same client: everybody starts with the only one there is.
    if (request._query.sid !== undefined) return next(refuse(remoteAddress, 'unexpected'));
    next();
  });
}

/** A client answers a ping every few seconds; it has no other use for packets that are no messages. */
const heartbeatsPerSecond = 2;

/** Call it before the port is opened. */
export function limitWebSockets(io: SocketServer): void {
  const { opts } = io.engine;
  const { wsEngine } = opts;
  // Engine.io hands none of these on, and asks for a server of WebSockets again when the port is opened.
  opts.wsEngine = class extends wsEngine {
    constructor(options: object) {
      super({
        ...options,
        // Pongs would pile up in front of one who does not read; the heartbeat is engine.io's own.
        autoPong: false,
        // Pieces that a frame may come in: one of a single byte takes a hundred times its memory.
        maxBufferedChunks: 8192,
        // For a farewell to be answered.
        closeTimeout: 2000,
      });
    }
  };
  io.engine.on('connection', (connection) => {
    const isAllowed = createRateLimit(heartbeatsPerSecond, performance.now());
    connection.on('packet', ({ type }: { readonly type: string }) => {
      if (type !== 'message' && !isAllowed(performance.now())) connection.close();
    });
  });
}
