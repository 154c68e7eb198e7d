// The edge: HTTP and socket.io. Turns sockets into named workers and bytes into checked messages.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket as NetSocket } from 'node:net';
import { Server as SocketServer } from 'socket.io';
import type { SteadyMemory } from '../shared/steady-receiver.ts';
import { maxFrameOverheadBytes } from '../shared/wire.ts';
import type { DataBlocks } from './data-blocks.ts';
import { guardEntrance, limitWebSockets } from './entrance.ts';
import type { Limits } from './limits.ts';
import { strictParser } from './strict-parser.ts';

export interface ServerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Largest payload that a message may carry. */
  readonly maxPayloadBytes: number;
  readonly blocks: DataBlocks;
  readonly limits: Limits;
  /** Where messages come in: fresh memory each unless told otherwise. */
  readonly incoming?: SteadyMemory;
  /** Somebody at this address did not even get a connection. */
  readonly onRefused: (address: string, why: string) => void;
}

export interface EdgeServer {
  readonly io: SocketServer;
  readonly port: number;
  /** Bytes received and sent so far, HTTP and all protocols' own overhead included. */
  traffic(): { readonly bytesIn: number; readonly bytesOut: number };
  close(): Promise<void>;
}

/** A request's headers are a few hundred bytes: whoever takes longer is not asking for anything. */
const slowHeadersMs = 10_000;

/** Rejects with the system's error (EADDRINUSE, EACCES, EADDRNOTAVAIL ...) when it cannot listen. */
export async function startServer(options: ServerOptions): Promise<EdgeServer> {
  const { host, port, maxPayloadBytes, blocks, limits } = options;
  const handshakeMs = Math.min(limits.joinTimeoutMs, slowHeadersMs);
  const http = createServer(
    {
      headersTimeout: handshakeMs,
      requestTimeout: handshakeMs,
      connectionsCheckingInterval: handshakeMs / 4,
    },
    (request, response) => answer(request, response, blocks),
  );
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
  guardEntrance(http, io, { ...options, ...limits });
  limitWebSockets(io, options.incoming);
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject);
    http.listen(port, host, () => {
      http.off('error', reject);
      resolve();
    });
  });
  return {
    io,
    port: (http.address() as AddressInfo).port,
    traffic,
    close: async () => {
      await io.close();
      http.closeAllConnections();
    },
  };
}

function answer(request: IncomingMessage, response: ServerResponse, blocks: DataBlocks): void {
  // Not as a URL: what a stranger asks for need not be one.
  const [pathname] = (request.url ?? '/').split('?', 1);
  const [, sha256] = /^\/api\/v1\/data\/([0-9a-f]{64})$/.exec(pathname) ?? [];
  const block = sha256 === undefined ? undefined : blocks.get(sha256);
  response.setHeader('x-content-type-options', 'nosniff');
  if (request.method !== 'GET') {
    response.writeHead(405, { allow: 'GET' }).end();
  } else if (block !== undefined) {
    response.writeHead(200, {
      'content-type': 'application/octet-stream',
      'content-length': block.length,
      // The address is the content: it can never change.
      'cache-control': 'public, max-age=31536000, immutable',
    });
    response.end(block);
  } else if (pathname === '/livez') {
    response.writeHead(200, { 'content-type': 'text/plain' }).end('ok\n');
  } else {
    response.writeHead(404, { 'content-type': 'text/plain' }).end('There is nothing here.\n');
  }
}

function countTraffic(http: Server): EdgeServer['traffic'] {
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
