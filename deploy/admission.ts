// Who may come in, decided before anything starts: everybody on this machine, everybody with a link, or everybody.
import { hostname, networkInterfaces } from 'node:os';
import { createGate, type Gate, type Pass } from '../coordinator/gate.ts';
import { type RunLinks, readLinks } from '../coordinator/run-links.ts';
import { drawToken, drawTokens, type Tokens } from '../coordinator/tokens.ts';
import { type AdmissionFlags, parseLinkExpires, parsePublicUrl } from './admission-options.ts';
import { readTokens } from './given-tokens.ts';
import { lanAddress } from './lan-address.ts';
import { type ServedIdentity, tlsIdentity } from './tls-identity.ts';

export interface Admission {
  readonly publicHost: string;
  readonly publicUrl?: string;
  readonly tls?: ServedIdentity;
  /** Nobody comes in without a link. */
  readonly isGuarded: boolean;
  /** From the start on. */
  readonly linksLastMs?: number;
  /** Those that somebody fixed in advance. */
  readonly tokens?: Partial<Tokens>;
  readonly warnings: readonly string[];
}

type Flags = AdmissionFlags & { readonly host: string };

/** Throws CliError for flags that cannot be, and files that cannot be used. */
export async function prepareAdmission(flags: Flags): Promise<Admission> {
  const { host, open = false } = flags;
  const linksLastMs = parseLinkExpires(flags.linkExpires);
  const publicUrl = parsePublicUrl(flags.publicUrl);
  const publicHost = publicHostOf(host);
  // A proxy on this machine brings in who reaches the proxy.
  const isPublic = !isLoopback(host) || publicUrl !== undefined;
  const tokens = readTokens(flags.tokens);
  const own = publicUrl === undefined ? publicHost : hostOf(publicUrl);
  const tls = await tlsIdentity(flags, { hosts: [...new Set([own, ...ownHosts(publicHost)])] });
  const isReadable = tls === undefined && !publicUrl?.startsWith('https:');
  const warnings: string[] = [];
  if (isPublic && open) warnings.push(anybody);
  if (isPublic && isReadable) warnings.push(readable);
  const isGuarded = (isPublic || tokens !== undefined) && !open;
  return { publicHost, publicUrl, tls, isGuarded, linksLastMs, tokens, warnings };
}

export function isLoopback(host: string): boolean {
  return ['127.0.0.1', '::1', 'localhost'].includes(host);
}

/** What others may show, and what shows the workers that belong to the coordinator itself. */
export interface Entry extends RunLinks {
  readonly gate: Gate;
  /** Works, has no end, and is told to nobody. */
  readonly ownToken: string;
}

export interface EntryOptions {
  /** The file in which the run keeps its links, if it has any yet. */
  readonly path?: string;
  /** From now on; without it the end stays what it was. */
  readonly linksLastMs?: number;
  /** Go before those that the run has. */
  readonly given?: Partial<Tokens>;
  readonly warn: (message: string) => unknown;
}

/** Links that the run has already stay what they are, but for tokens that were fixed in advance. */
export function entryOf({ path, linksLastMs, given, warn }: EntryOptions, now = Date.now()): Entry {
  const kept = path === undefined ? undefined : keptLinks(path, warn);
  const tokens = { ...drawTokens(), ...kept?.tokens, ...given };
  const expires =
    linksLastMs === undefined ? kept?.expires : new Date(now + linksLastMs).toISOString();
  const endsAt = expires === undefined ? undefined : Date.parse(expires);
  if (endsAt !== undefined && endsAt <= now) warn(ended);
  const ownToken = drawToken();
  const passes: Pass[] = [
    { token: tokens.work, scope: 'work', endsAt },
    { token: tokens.watch, scope: 'watch', endsAt },
    // Whoever runs it is not shut out.
    { token: tokens.administer, scope: 'administer' },
    { token: ownToken, scope: 'work' },
  ];
  return { tokens, expires, gate: createGate(passes), ownToken };
}

function keptLinks(path: string, warn: EntryOptions['warn']): RunLinks | undefined {
  try {
    return readLinks(path);
  } catch (error) {
    warn(`The run has new links, because the old ones are lost: ${(error as Error).message}`);
    return undefined;
  }
}

function publicHostOf(host: string): string {
  const isAnyAddress = host === '0.0.0.0' || host === '::';
  return isAnyAddress ? (lanAddress(networkInterfaces()) ?? hostname()) : host;
}

/** All that a certificate of this machine should be good for. */
function ownHosts(publicHost: string): string[] {
  const machine = hostname().toLowerCase();
  return [publicHost, machine, `${machine}.local`, 'localhost', '127.0.0.1', '::1'];
}

function hostOf(url: string): string {
  return new URL(url).hostname.replace(/^\[|\]$/g, '');
}

const ended =
  'The links to join and to watch have ended: --link-expires gives them a new end, counted from now.';
const anybody =
  'Everybody who reaches this address may join and watch, because of --open; without it, only who has a link.';
const readable =
  'Others in the network can read what is sent, links too, because there is no TLS: ' +
  'use --tls self-signed, or --tls-cert and --tls-key.';
