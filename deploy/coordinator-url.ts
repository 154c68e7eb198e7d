// Where a coordinator is, and what lets us in there: from a link, a flag or the environment.
import { tokenIn } from '../shared/join-link.ts';
import { type GuestFlags, parseFingerprint } from './admission-options.ts';
import { CliError } from './exit-codes.ts';
import { readToken } from './given-tokens.ts';
import type { WorkerCredentials } from './supervisor.ts';

export interface Destination extends WorkerCredentials {
  /** Scheme, host and port. */
  readonly url: string;
}

/** Accepts what people type, `lab:7070` too. Throws CliError for what is no address. */
export function parseDestination(
  text: string,
  { token, tokenFile, tlsFingerprint }: Partial<GuestFlags> = {},
  { TUTTI_TOKEN }: Readonly<Record<string, string | undefined>> = process.env,
): Destination {
  const withScheme = /^[a-z]+:\/\//i.test(text) ? text : `http://${text}`;
  if (URL.canParse(withScheme)) {
    const { protocol, origin: url, hash } = new URL(withScheme);
    if (protocol === 'http:' || protocol === 'https:') {
      return {
        url,
        token: token ?? readToken(tokenFile) ?? tokenIn(hash) ?? (TUTTI_TOKEN || undefined),
        tlsFingerprint: parseFingerprint(tlsFingerprint),
      };
    }
  }
  throw new CliError('usage', `"${text}" is not the address of a coordinator.`, {
    hint: 'Example: http://192.168.1.5:7070, as the coordinator printed it.',
  });
}
