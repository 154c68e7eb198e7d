// How a process of Node reaches its coordinator: a socket for messages, and where blocks of training data come from.
import { hash } from 'node:crypto';
import { hostname } from 'node:os';
import { protocolVersion, type WorkerKind } from '../shared/protocol.ts';
import { withBearer } from './bearer.ts';
import { createBlockCache } from './block-cache.ts';
import type { BlockRequest } from './data-store.ts';
import { FrameMemory } from './frame-memory.ts';
import { MemoryLane } from './memory-lane.ts';
import { agentFor, fetchOver } from './pinned-agent.ts';
import { steadyWebSocket } from './steady-websocket.ts';
import { type Connect, socketTransport } from './transport.ts';
import { webSocketFor } from './unmasked-websocket.ts';

export interface NodeConnectionOptions {
  /** The coordinator: `http://host:7070`. */
  readonly url: string;
  /** That lets it in, where the coordinator asks for one. */
  readonly token?: string;
  /** SHA-256 of the only certificate that is trusted, in hex; without one, those that Node trusts. */
  readonly tlsFingerprint?: string;
  /** The machine's name and the process's number, unless told. */
  readonly name?: string;
  readonly cacheDirectory?: string;
}

export interface NodeConnection {
  readonly connect: Connect;
  readonly blocks: BlockRequest;
}

export function nodeConnection(
  { url, token, tlsFingerprint, cacheDirectory, ...options }: NodeConnectionOptions,
  kind: WorkerKind,
): NodeConnection {
  const agent = agentFor(tlsFingerprint);
  const name = options.name ?? `${hostname()}-${process.pid}`;
  const own = { protocol: protocolVersion, name, kind, sharesMemory: true };
  const handshake = { ...own, ...(token && { token }) };
  const memory = new FrameMemory();
  return {
    connect: socketTransport({
      url,
      handshake,
      webSocket: steadyWebSocket(webSocketFor(agent), memory.incoming),
      memory,
      lane: new MemoryLane(portOf(url), (bytes) => memory.roomForPlaced(bytes)),
    }),
    blocks: {
      baseUrl: url,
      cache: createBlockCache(cacheDirectory),
      sha256: (bytes) => hash('sha256', bytes),
      fetch: withBearer(token, agent && fetchOver(agent)),
    },
  };
}

function portOf(url: string): string {
  const { port, protocol } = new URL(url);
  return port || (protocol === 'https:' ? '443' : '80');
}
