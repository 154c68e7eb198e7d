// TLS to a coordinator whose certificate no authority vouches for: its SHA-256 came with the link, and that
// certificate is trusted and no other.
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, get } from 'node:https';
import { buffer } from 'node:stream/consumers';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';

/** The coordinator shows another certificate than the one that was named. */
class PinError extends Error {
  override readonly name = 'PinError';
  readonly code = 'ERR_TUTTI_PIN';
}

export class PinnedAgent extends Agent {
  readonly #fingerprint: string;

  /** `fingerprint`: SHA-256 of the certificate, 64 hexadecimal digits in small letters. */
  constructor(fingerprint: string) {
    // Each connection shows its certificate: one that goes on with an older session need not.
    super({ keepAlive: true, maxCachedSessions: 0 });
    this.#fingerprint = fingerprint;
  }

  /** Checks where Node's own check would be, before a byte of ours is sent. */
  override createConnection(options: ConnectionOptions): TLSSocket {
    const socket = connect({ ...options, rejectUnauthorized: false });
    socket.once('secureConnect', () => {
      const found = hexOf(socket.getPeerCertificate().fingerprint256 ?? '');
      if (found === this.#fingerprint) return;
      socket.destroy(new PinError(`expected the certificate ${this.#fingerprint}, found ${found}`));
    });
    return socket;
  }
}

/** Undefined without a fingerprint: then it is up to Node whom it trusts. */
export function agentFor(fingerprint: string | undefined): PinnedAgent | undefined {
  return fingerprint === undefined ? undefined : new PinnedAgent(fingerprint);
}

/** `AB:CD` as `abcd`. */
export function hexOf(fingerprint: string): string {
  return fingerprint.replaceAll(':', '').toLowerCase();
}

/** As much of `fetch` as the data store uses. */
export function fetchOver(agent: Agent): typeof fetch {
  return async (input, init) => {
    const headers = Object.fromEntries(new Headers(init?.headers));
    const request = get(String(input), { agent, headers, signal: init?.signal ?? undefined });
    const [response]: IncomingMessage[] = await once(request, 'response');
    // Whatever ends it from here on ends the response, too.
    request.on('error', () => undefined);
    const { statusCode: status, statusMessage: statusText } = response;
    return new Response(await buffer(response), { status, statusText });
  };
}
