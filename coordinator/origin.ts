// Browsers run pages of strangers, and reach whatever their user can reach: also a coordinator that listens to
// this machine alone.
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { hostname } from 'node:os';

/**
 * True for what is no page at all, and for pages that were loaded from here. A page of another site has another
 * origin. One whose site makes its own name point to this machine has the right origin, but the wrong name:
 * only addresses, and names that this machine gives itself, are ours.
 */
export function isFromHere({ origin, host }: IncomingHttpHeaders, listensOn: string): boolean {
  if (origin === undefined) return true;
  if (!URL.canParse(origin)) return false;
  const page = new URL(origin);
  return page.host === host && isOwnName(page.hostname, listensOn);
}

function isOwnName(name: string, listensOn: string): boolean {
  const machine = hostname().toLowerCase();
  const names = ['localhost', machine, `${machine}.local`, listensOn.toLowerCase()];
  return isIP(name.replace(/^\[|\]$/g, '')) !== 0 || names.includes(name);
}
