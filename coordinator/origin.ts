// Browsers run pages of strangers, and reach whatever their user can reach: also a coordinator that listens to
// this machine alone.
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { hostname } from 'node:os';

export interface OwnAddress {
  /** What it listens on. */
  readonly host: string;
  /** Where others reach it, when that is told: of a proxy before it, a name for it. */
  readonly publicUrl?: string;
  /** It speaks TLS itself: no page came from here without. */
  readonly isSecure?: boolean;
}

/**
 * True for what is no page at all, and for pages that were loaded from here. A page of another site has another
 * origin. One whose site makes its own name point to this machine has the right origin, but the wrong name:
 * only addresses, and names that this machine gives itself or was given, are ours.
 */
export function isFromHere({ origin, host }: IncomingHttpHeaders, own: OwnAddress): boolean {
  if (origin === undefined) return true;
  if (!URL.canParse(origin)) return false;
  const page = new URL(origin);
  // A proxy may ask for another host than the page did.
  if (own.publicUrl !== undefined && page.origin === new URL(own.publicUrl).origin) return true;
  if (own.isSecure && page.protocol !== 'https:') return false;
  return page.host === host && isOwnName(page.hostname, own);
}

function isOwnName(name: string, { host, publicUrl }: OwnAddress): boolean {
  const machine = hostname().toLowerCase();
  const names = ['localhost', machine, `${machine}.local`, host.toLowerCase()];
  if (publicUrl !== undefined) names.push(new URL(publicUrl).hostname);
  return isIP(name.replace(/^\[|\]$/g, '')) !== 0 || names.includes(name);
}
