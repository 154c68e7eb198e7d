// Who may open a WebSocket, and what socket.io leaves open to those who have one.
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Server as SocketServer } from 'socket.io';
import {
  type RejectReason,
  rejectReasons,
  watchNamespace,
  workNamespace,
} from '../shared/protocol.ts';
import { receiveSteadily, type SteadyMemory } from '../shared/steady-receiver.ts';
import type { Gate } from './gate.ts';
import { createRateLimit, createRateLimits } from './limits.ts';
import { isFromHere, type OwnAddress } from './origin.ts';

export interface EntranceOptions extends OwnAddress {
  readonly gate: Gate;
  /** Other sites whose pages may connect: `https://school.example`. */
  readonly origins?: readonly string[];
  readonly maxConnections: number;
  /** Somebody at this address did not even get a connection. */
  readonly onRefused: (address: string, why: string) => void;
}

/** A room of workers comes back at once; after that, so long passes until one address may fill all places again. */
const secondsToFill = 60;

/** For the address of somebody who hung up already. */
const gone = 'somebody';

interface EngineRequest extends IncomingMessage {
  readonly _query: Readonly<Record<string, string>>;
}

type Next = (error?: Error) => void;

/** `io` must leave upgrades to other addresses alone. */
export function guardEntrance(http: Server, io: SocketServer, options: EntranceOptions): void {
  const { gate, origins = [], maxConnections, onRefused } = options;
  const perSecond = maxConnections / secondsToFill;
  const isAllowed = createRateLimits(perSecond, maxConnections, maxConnections);
  const refuse = (address: string, reason: RejectReason): Error => {
    onRefused(address, rejectReasons[reason]);
    return new Error(rejectReasons[reason]);
  };
  http.on('drop', (connection) => void refuse(connection?.remoteAddress ?? gone, 'full'));
  http.on('upgrade', ({ url }, socket) => {
    // Nobody else waits for it, and no timeout of HTTP would end it.
    if (!url?.startsWith(`${io.path()}/`)) socket.destroy();
  });
  http.on('tlsClientError', (error: NodeJS.ErrnoException, { remoteAddress = gone }) => {
    if (error.code === 'ERR_SSL_HTTP_REQUEST') refuse(remoteAddress, 'plain');
  });
  io.engine.use((request: EngineRequest, _: unknown, next: Next) => {
    const { remoteAddress = gone } = request.socket;
    const { headers } = request;
    const isGuest = origins.includes(headers.origin ?? '');
    if (!isGuest && !isFromHere(headers, options)) return next(refuse(remoteAddress, 'origin'));
    // Not by name, upon which nobody tries again: others may share the address.
    if (gate.isBarred(remoteAddress)) return next(refuse(remoteAddress, 'guesses'));
    if (!isAllowed(remoteAddress, performance.now())) return next(refuse(remoteAddress, 'crowd'));
    // A second transport for the same client: everybody starts with the only one there is.
    if (request._query.sid !== undefined) return next(refuse(remoteAddress, 'unexpected'));
    next();
  });
}

/** Call it before anybody else asks who comes: without the right token nobody gets that far. */
export function guardNamespaces(
  io: SocketServer,
  { gate, onRefused }: Pick<EntranceOptions, 'gate' | 'onRefused'>,
): void {
  const doors = { work: workNamespace, watch: watchNamespace } as const;
  for (const door of ['work', 'watch'] as const) {
    io.of(doors[door]).use(({ handshake: { auth, address } }, next) => {
      const reason = gate.refusal(auth.token, door, address);
      if (reason === undefined) return next();
      onRefused(address, rejectReasons[reason]);
      next(Object.assign(new Error(rejectReasons[reason]), { data: { reason } }));
    });
  }
}

/** A client answers a ping every few seconds; it has no other use for packets that are no messages. */
const heartbeatsPerSecond = 2;

/** Call it before anybody connects. */
export function limitWebSockets(io: SocketServer, incoming?: SteadyMemory): void {
  const { opts } = io.engine;
  const { wsEngine } = opts;
  // Engine.io hands none of these on.
  opts.wsEngine = class extends wsEngine {
    constructor(options: object) {
      super({
        ...options,
        // Pongs would pile up in front of one who does not read; the heartbeat is engine.io's own.
        autoPong: false,
        // Pieces that a message and a frame may come in: one of a single byte takes a hundred times its memory.
        maxFragments: 1024,
        maxBufferedChunks: 8192,
        // For a farewell to be answered.
        closeTimeout: 2000,
      });
    }

    handleUpgrade(
      request: IncomingMessage,
      socket: Duplex,
      head: Buffer,
      accept: (webSocket: object) => void,
    ) {
      super.handleUpgrade(request, socket, head, (webSocket: object) => {
        if (incoming !== undefined) receiveSteadily(webSocket, incoming);
        accept(webSocket);
      });
    }
  };
  // It has made its server of WebSockets already, and makes another one when it is asked to.
  (io.engine as unknown as { init(): void }).init();
  io.engine.on('connection', (connection) => {
    const isAllowed = createRateLimit(heartbeatsPerSecond, performance.now());
    connection.on('packet', ({ type }: { readonly type: string }) => {
      if (type !== 'message' && !isAllowed(performance.now())) connection.close();
    });
  });
}
