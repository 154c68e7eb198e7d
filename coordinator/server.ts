// The edge: HTTP and socket.io. Turns sockets into named workers and bytes into checked messages.
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket as NetSocket } from 'node:net';
import { Server as SocketServer } from 'socket.io';
import type { SteadyMemory } from '../shared/steady-receiver.ts';
import { maxFrameOverheadBytes } from '../shared/wire.ts';
import { guardEntrance, guardNamespaces, limitWebSockets } from './entrance.ts';
import type { Gate } from './gate.ts';
import type { Limits } from './limits.ts';
import { answerFrom, type Route } from './routes.ts';
import { strictParser } from './strict-parser.ts';

export interface ServerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Where others reach it, when that is told. */
  readonly publicUrl?: string;
  /** Without one it speaks plain HTTP. */
  readonly tls?: TlsIdentity;
  readonly gate: Gate;
  /** Largest payload that a message may carry. */
  readonly maxPayloadBytes: number;
  /** What it answers over HTTP. */
  readonly routes: readonly Route[];
  readonly limits: Limits;
  /** Other sites whose pages may use what is here: `https://school.example`. */
  readonly origins?: readonly string[];
  /** Where messages come in: fresh memory each unless told otherwise. */
  readonly incoming?: SteadyMemory;
  /** Somebody at this address did not even get a connection. */
  readonly onRefused: (address: string, why: string) => void;
}

/** PEM: the certificate, with those that it hangs on behind it, and its private key. */
export interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
}

/** Received and sent, HTTP and all protocols' own overhead included. */
interface Traffic {
  readonly bytesIn: number;
  readonly bytesOut: number;
}

export interface EdgeServer {
  readonly io: SocketServer;
  readonly port: number;
  /** Bytes so far. */
  traffic(): Traffic;
  close(): Promise<void>;
}

/** A request's headers are a few hundred bytes: whoever takes longer is not asking for anything. */
const slowHeadersMs = 10_000;
const farewellMs = 1000;
/** Connections that wait to be accepted: whoever finds no place in Node's usual 511 tries again a second later. */
const longestQueue = 4096;

/** Rejects with the system's error (EADDRINUSE, EACCES, EADDRNOTAVAIL ...) when it cannot listen. */
export async function startServer(options: ServerOptions): Promise<EdgeServer> {
  const { host, port, tls, maxPayloadBytes, routes, gate, origins, limits } = options;
  const handshakeMs = Math.min(limits.joinTimeoutMs, slowHeadersMs);
  const timeouts = {
    headersTimeout: handshakeMs,
    requestTimeout: handshakeMs,
    connectionsCheckingInterval: handshakeMs / 4,
  };
  const listener = answerFrom(routes, { gate, origins });
  const http =
    tls === undefined
      ? createServer(timeouts, listener)
      : createTlsServer({ ...timeouts, ...tls, handshakeTimeout: handshakeMs }, listener);
  http.maxConnections = limits.maxConnections;
  // Of connections that stand still without being a socket of ours.
  http.timeout = limits.joinTimeoutMs;
  const traffic = countTraffic(http);
  const io = new SocketServer(http, {
    parser: strictParser(limits),
    transports: ['websocket'],
    serveClient: false,
    // A gradient compresses by 8 % at many times the cost of sending it.
    perMessageDeflate: false,
    maxHttpBufferSize: maxPayloadBytes + maxFrameOverheadBytes,
    connectTimeout: handshakeMs,
    pingInterval: 5000,
    pingTimeout: 20_000,
    destroyUpgrade: false,
  });
  guardEntrance(http, io, { ...options, ...limits, isSecure: tls !== undefined });
  guardNamespaces(io, options);
  limitWebSockets(io, options.incoming);
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject);
    http.listen({ port, host, backlog: longestQueue }, () => {
      http.off('error', reject);
      resolve();
    });
  });
  return {
    io,
    port: (http.address() as AddressInfo).port,
    traffic,
    close: async () => {
      // Streams that end now are read to their end, unless somebody does not read.
      const farewell = setTimeout(() => http.closeAllConnections(), farewellMs);
      await io.close();
      clearTimeout(farewell);
    },
  };
}

function countTraffic(http: Server): () => Traffic {
  const open = new Set<NetSocket>();
  let closedIn = 0;
  let closedOut = 0;
  http.on('connection', (socket: NetSocket) => {
    open.add(socket);
    socket.once('close', () => {
      open.delete(socket);
      closedIn += socket.bytesRead;
      closedOut += socket.bytesWritten;
    });
  });
  return () => {
    let bytesIn = closedIn;
    let bytesOut = closedOut;
    for (const { bytesRead, bytesWritten } of open) {
      bytesIn += bytesRead;
      bytesOut += bytesWritten;
    }
    return { bytesIn, bytesOut };
  };
}
