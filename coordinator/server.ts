// The edge: HTTP and socket.io. Turns sockets into named workers and bytes into checked messages.
import { Server as SocketServer } from 'socket.io';
import type { SteadyMemory } from '../shared/steady-receiver.ts';
import { maxFrameOverheadBytes } from '../shared/wire.ts';
import { guardEntrance, guardNamespaces, limitWebSockets } from './entrance.ts';
import type { Gate } from './gate.ts';
import {
  handshakeMsOf,
  type OpenPort,
  openPort,
  type PortOptions,
  rememberListeners,
} from './open-port.ts';
import { answerFrom, type Route } from './routes.ts';
import { strictParser } from './strict-parser.ts';

export interface ServerOptions extends PortOptions {
  /** The port, where it is open already. */
  readonly at?: OpenPort;
  /** Where others reach it, when that is told. */
  readonly publicUrl?: string;
  readonly gate: Gate;
  /** Largest payload that a message may carry. */
  readonly maxPayloadBytes: number;
  /** What it answers over HTTP. */
  readonly routes: readonly Route[];
  /** Other sites whose pages may use what is here: `https://school.example`. */
  readonly origins?: readonly string[];
  /** Where messages come in: fresh memory each unless told otherwise. */
  readonly incoming?: SteadyMemory;
  /** Somebody at this address did not even get a connection. */
  readonly onRefused: (address: string, why: string) => void;
}

export interface EdgeServer extends Pick<OpenPort, 'port' | 'traffic'> {
  readonly io: SocketServer;
  close(): Promise<void>;
  /** Hangs up on everybody and leaves the port open, with whoever answered there before. */
  release(): void;
}

const farewellMs = 1000;

/** Rejects with the system's error (EADDRINUSE, EACCES, EADDRNOTAVAIL ...) when it cannot listen. */
export async function startServer(options: ServerOptions): Promise<EdgeServer> {
  const { tls, maxPayloadBytes, routes, gate, origins, limits } = options;
  const listener = answerFrom(routes, { gate, origins });
  const { http, port, traffic } = options.at ?? (await openPort(options, listener));
  const putBack = rememberListeners(http);
  // Nothing that comes meanwhile is lost: all of this happens before anything else does.
  http.removeAllListeners('request').on('request', listener);
  const io = new SocketServer(http, {
    parser: strictParser(limits),
    transports: ['websocket'],
    serveClient: false,
    // A gradient compresses by 8 % at many times the cost of sending it.
    perMessageDeflate: false,
    maxHttpBufferSize: maxPayloadBytes + maxFrameOverheadBytes,
    connectTimeout: handshakeMsOf(limits),
    pingInterval: 5000,
    pingTimeout: 20_000,
    destroyUpgrade: false,
  });
  guardEntrance(http, io, { ...options, ...limits, isSecure: tls !== undefined });
  guardNamespaces(io, options);
  limitWebSockets(io, options.incoming);
  return {
    io,
    port,
    traffic,
    close: async () => {
      // Streams that end now are read to their end, unless somebody does not read.
      const farewell = setTimeout(() => http.closeAllConnections(), farewellMs);
      await io.close();
      clearTimeout(farewell);
    },
    release: () => {
      io.engine.close();
      putBack();
      http.closeAllConnections();
    },
  };
}
