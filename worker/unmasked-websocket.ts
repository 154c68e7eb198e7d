// A WebSocket client must mask what it sends with a key of its choice, which keeps pages in a browser from
// writing bytes of their choice past a careless proxy. A Node process is no such page: it chooses the key 0,
// with which both ends skip a pass over every gradient.
import { NodeWebSocket } from 'socket.io-client';
import type { PinnedAgent } from './pinned-agent.ts';

export class UnmaskedWebSocket extends NodeWebSocket {
  /** Who answers with status 503 is there already, and not ready: that has words of its own. */
  protected override onError(reason: string, fault: { readonly message?: string }): this {
    if (!fault.message?.endsWith(' 503')) return super.onError(reason, fault);
    const error = new Error('the coordinator is not ready yet');
    const data = { reason: 'starting' };
    const said = { type: 'TransportError', description: fault, context: undefined, data } as const;
    this.emitReserved('error', Object.assign(error, said));
    return this;
  }

  override createSocket(
    uri: string,
    protocols: string | string[] | undefined,
    options: Record<string, unknown>,
  ) {
    const generateMask = (mask: Buffer): void => void mask.fill(0);
    return super.createSocket(uri, protocols, { ...options, generateMask });
  }
}

/** Over connections of this agent; without one, over such as Node opens. */
export function webSocketFor(agent: PinnedAgent | undefined): typeof UnmaskedWebSocket {
  if (agent === undefined) return UnmaskedWebSocket;
  return class extends UnmaskedWebSocket {
    override createSocket(...[uri, protocols, options]: SocketParameters) {
      return super.createSocket(uri, protocols, { ...options, agent });
    }
  };
}

type SocketParameters = Parameters<UnmaskedWebSocket['createSocket']>;
