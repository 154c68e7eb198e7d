// The edge: HTTP and socket.io. Turns sockets into named workers and bytes into checked messages.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket as NetSocket } from 'node:net';
import { Server as SocketServer } from 'socket.io';
import { type RejectReason, rejectReasons } from '../shared/protocol.ts';
import { maxFrameOverheadBytes } from '../shared/wire.ts';
import { answerWithBlock } from './block-answer.ts';
import type { DataBlocks } from './data-blocks.ts';
import { guardEntrance, guardNamespaces, limitWebSockets } from './entrance.ts';
import type { Gate } from './gate.ts';
import type { Limits } from './limits.ts';
import { type Pages, sendPage } from './pages.ts';
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
  readonly blocks: DataBlocks;
  /** Rejects when there should be some and are none. */
  readonly pages?: Promise<Pages>;
  readonly limits: Limits;
  /** Other sites whose pages may use what is here: `https://school.example`. */
  readonly origins?: readonly string[];
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
  traffic(): Traffic & { readonly dataBytesOut: number };
  close(): Promise<void>;
}

/** A request's headers are a few hundred bytes: whoever takes longer is not asking for anything. */
const slowHeadersMs = 10_000;

const noPages: Promise<Pages> = Promise.resolve(new Map());

/** Rejects with the system's error (EADDRINUSE, EACCES, EADDRNOTAVAIL ...) when it cannot listen. */
export async function startServer(options: ServerOptions): Promise<EdgeServer> {
  const { host, port, tls, maxPayloadBytes, limits } = options;
  const handshakeMs = Math.min(limits.joinTimeoutMs, slowHeadersMs);
  let dataBytesOut = 0;
  const timeouts = {
    headersTimeout: handshakeMs,
    requestTimeout: handshakeMs,
    connectionsCheckingInterval: handshakeMs / 4,
  };
  const listener = (request: IncomingMessage, response: ServerResponse): void =>
    void answer(request, response, options, (bytes) => {
      dataBytesOut += bytes;
    });
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
  limitWebSockets(io);
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
    traffic: () => ({ ...traffic(), dataBytesOut }),
    close: async () => {
      await io.close();
      http.closeAllConnections();
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: Pick<ServerOptions, 'blocks' | 'gate' | 'pages' | 'origins'>,
  onData: (bytes: number) => void,
): Promise<void> {
  const { blocks, gate, pages = noPages, origins = [] } = options;
  // Not as a URL: what a stranger asks for need not be one.
  const [pathname] = (request.url ?? '/').split('?', 1);
  const [, sha256] = /^\/api\/v1\/data\/([0-9a-f]{64})$/.exec(pathname) ?? [];
  const refusal = sha256 === undefined ? undefined : dataRefusal(request, gate);
  const block = sha256 === undefined ? undefined : blocks.get(sha256);
  response.setHeader('x-content-type-options', 'nosniff');
  const { origin } = request.headers;
  if (origin !== undefined && origins.includes(origin)) {
    response.setHeader('access-control-allow-origin', origin);
    response.setHeader('access-control-allow-headers', 'authorization');
    // What a browser asks before it shows a token to another site than the page's.
    if (request.method === 'OPTIONS') return void response.writeHead(204).end();
  }
  if (request.method !== 'GET') {
    response.writeHead(405, { allow: 'GET' }).end();
  } else if (refusal !== undefined) {
    response.writeHead(401, { 'content-type': 'text/plain', 'www-authenticate': 'Bearer' });
    response.end(`refused: ${rejectReasons[refusal]}\n`);
  } else if (block !== undefined) {
    void answerWithBlock(request, response, block).then(onData);
  } else if (pathname === '/livez') {
    response.writeHead(200, { 'content-type': 'text/plain' }).end('ok\n');
  } else {
    await answerPage(request, response, pathname, pages);
  }
}

async function answerPage(
  request: IncomingMessage,
  response: ServerResponse,
  pathname: string,
  pages: Promise<Pages>,
): Promise<void> {
  try {
    // Of a coordinator that has just started they may not be ready.
    const page = (await pages).get(pathname);
    if (page !== undefined) return sendPage(request, response, page);
    response.writeHead(404, { 'content-type': 'text/plain' }).end('There is nothing here.\n');
  } catch {
    const message = 'This coordinator has no pages: its terminal says why.\n';
    response.writeHead(503, { 'content-type': 'text/plain' }).end(message);
  }
}

/** Pieces of the training set are for workers. */
function dataRefusal({ headers, socket }: IncomingMessage, gate: Gate): RejectReason | undefined {
  const [, token] = /^Bearer (\S+)$/i.exec(headers.authorization ?? '') ?? [];
  return gate.refusal(token, 'data', socket.remoteAddress ?? '');
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
