// A certificate that nobody vouches for: made once and kept, so that a class is asked once whether to trust it.
import { randomUUID, X509Certificate } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TlsIdentity } from '../coordinator/open-port.ts';

const dayMs = 86_400_000;
/** Browsers take none for longer than 397 days. */
const lifetimeMs = 365 * dayMs;
/** With less than this left, another one is made. */
const leastLeftMs = 7 * dayMs;

export interface SelfSignedOptions {
  /** Names and addresses under which this machine is reached; the first is the one that is told to others. */
  readonly hosts: readonly string[];
  readonly path?: string;
  readonly now?: Date;
}

/** The one that is kept, if it is still good for the first of the hosts. Rejects when it cannot be kept. */
export async function selfSignedIdentity({
  hosts,
  path = defaultPath(),
  now = new Date(),
}: SelfSignedOptions): Promise<TlsIdentity> {
  const kept = await readKept(path);
  if (kept !== undefined && isGood(kept, hosts[0], now)) return kept;
  const made = await make(hosts, now);
  await keep(path, made);
  return made;
}

async function make(hosts: readonly string[], now: Date): Promise<TlsIdentity> {
  // Nobody else pays for loading it.
  const { generate } = await import('selfsigned');
  const altNames = hosts.map((host) =>
    isAddress(host) ? ({ type: 7, ip: host } as const) : ({ type: 2, value: host } as const),
  );
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'tutti' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    // Clocks differ.
    notBeforeDate: new Date(now.getTime() - dayMs),
    notAfterDate: new Date(now.getTime() + lifetimeMs),
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames },
    ],
  });
  return { cert, key };
}

/** One file for both, so that they always belong together. */
async function readKept(path: string): Promise<TlsIdentity | undefined> {
  try {
    const { cert, key } = JSON.parse(await readFile(path, 'utf8'));
    return { cert, key };
  } catch {
    return undefined;
  }
}

function isGood({ cert, key }: TlsIdentity, host: string, now: Date): boolean {
  try {
    const certificate = new X509Certificate(cert);
    const names = isAddress(host) ? certificate.checkIP(host) : certificate.checkHost(host);
    const leftMs = Date.parse(certificate.validTo) - now.getTime();
    return typeof key === 'string' && names !== undefined && leftMs > leastLeftMs;
  } catch {
    return false;
  }
}

/** Nobody else may read it, and nobody reads half of it. */
async function keep(path: string, identity: TlsIdentity): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const staging = `${path}.${randomUUID()}.tmp`;
  await writeFile(staging, JSON.stringify(identity), { mode: 0o600, flag: 'wx' });
  await rename(staging, path);
}

function isAddress(host: string): boolean {
  return isIP(host) !== 0;
}

function defaultPath(): string {
  const { XDG_CONFIG_HOME, APPDATA } = process.env;
  const base = XDG_CONFIG_HOME || APPDATA || join(homedir(), '.config');
  return join(base, 'tutti', 'self-signed.json');
}
