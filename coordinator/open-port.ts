// A port that is taken and answers before there is anything to serve. Who answers there may change; the port stays.
import type { EventEmitter } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket as NetSocket } from 'node:net';
import type { Limits } from './limits.ts';

export interface PortOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Without one it speaks plain HTTP. */
  readonly tls?: TlsIdentity;
  readonly limits: Limits;
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

export interface OpenPort {
  readonly http: Server;
  readonly port: number;
  /** Bytes so far. */
  traffic(): Traffic;
  close(): Promise<void>;
}

/** A request's headers are a few hundred bytes: whoever takes longer is not asking for anything. */
const slowHeadersMs = 10_000;
/** Connections that wait to be accepted: whoever finds no place in Node's usual 511 tries again a second later. */
const longestQueue = 4096;

/** Before a socket is one of a worker or a watcher. */
export function handshakeMsOf({ joinTimeoutMs }: Pick<Limits, 'joinTimeoutMs'>): number {
  return Math.min(joinTimeoutMs, slowHeadersMs);
}

/**
 * `listener` gets all requests, those for a WebSocket as well, until somebody else listens to them. Rejects with the
 * system's error (EADDRINUSE, EACCES, EADDRNOTAVAIL ...) when it cannot listen.
 */
export async function openPort(
  { host, port, tls, limits }: PortOptions,
  listener: RequestListener,
): Promise<OpenPort> {
  const handshakeMs = handshakeMsOf(limits);
  const timeouts = {
    headersTimeout: handshakeMs,
    requestTimeout: handshakeMs,
    connectionsCheckingInterval: handshakeMs / 4,
  };
  const http =
    tls === undefined
      ? createServer(timeouts, listener)
      : createTlsServer({ ...timeouts, ...tls, handshakeTimeout: handshakeMs }, listener);
  http.maxConnections = limits.maxConnections;
  // Of connections that stand still without being a socket of ours.
  http.timeout = limits.joinTimeoutMs;
  const traffic = countTraffic(http);
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject);
    http.listen({ port, host, backlog: longestQueue }, () => {
      http.off('error', reject);
      resolve();
    });
  });
  return {
    http,
    port: (http.address() as AddressInfo).port,
    traffic,
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
}

/** What is called puts everything back as it was: whoever listens since then hears nothing more. */
export function rememberListeners(http: Server): () => void {
  const events: EventEmitter = http;
  const before = events.eventNames().map((name) => [name, events.rawListeners(name)] as const);
  return () => {
    for (const name of events.eventNames()) events.removeAllListeners(name);
    for (const [name, listeners] of before) {
      for (const listener of listeners) events.on(name, listener as () => void);
    }
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
