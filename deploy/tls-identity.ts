// The certificate that a coordinator shows: from files, or of its own making. One that cannot work is refused before
// anything starts.
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { TlsIdentity } from '../coordinator/open-port.ts';
import { hexOf } from '../worker/pinned-agent.ts';
import { CliError } from './exit-codes.ts';
import { type SelfSignedOptions, selfSignedIdentity } from './self-signed.ts';

export interface ServedIdentity extends TlsIdentity {
  /** SHA-256 of the certificate, in hex. */
  readonly fingerprint: string;
  /** Nobody vouches for it: whoever connects must be told the fingerprint. */
  readonly isSelfSigned: boolean;
}

export interface TlsFlags {
  readonly tls?: 'self-signed';
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

/** Undefined without TLS. Throws CliError that names the file at fault. */
export async function tlsIdentity(
  { tls, tlsCert, tlsKey }: TlsFlags,
  own: SelfSignedOptions,
): Promise<ServedIdentity | undefined> {
  if (tls !== undefined) return served(await madeHere(own));
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) {
    const [given, missing] = tlsCert ? ['--tls-cert', '--tls-key'] : ['--tls-key', '--tls-cert'];
    throw new CliError('usage', `${given} is of no use without ${missing}.`, {
      hint: 'A certificate and its key are two PEM files. Without any: --tls self-signed',
    });
  }
  const cert = await readPem('--tls-cert', tlsCert);
  const key = await readPem('--tls-key', tlsKey);
  refuseUnfit(cert, key, { tlsCert, tlsKey, now: own.now ?? new Date() });
  return served({ cert, key });
}

async function madeHere(own: SelfSignedOptions): Promise<TlsIdentity> {
  try {
    return await selfSignedIdentity(own);
  } catch (cause) {
    throw new CliError(
      'usage',
      `--tls self-signed: the certificate cannot be kept: ${(cause as Error).message}.`,
      { hint: 'Set XDG_CONFIG_HOME to a folder that can be written.', cause },
    );
  }
}

function served({ cert, key }: TlsIdentity): ServedIdentity {
  const certificate = new X509Certificate(cert);
  return {
    cert,
    key,
    fingerprint: hexOf(certificate.fingerprint256),
    isSelfSigned: certificate.verify(certificate.publicKey),
  };
}

async function readPem(flag: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new CliError('usage', `${flag}: ${path} cannot be read: ${(cause as Error).message}.`, {
      cause,
    });
  }
}

interface Origin {
  readonly tlsCert: string;
  readonly tlsKey: string;
  readonly now: Date;
}

function refuseUnfit(cert: string, key: string, { tlsCert, tlsKey, now }: Origin): void {
  const certificate = parsePem('--tls-cert', tlsCert, () => new X509Certificate(cert));
  const privateKey: KeyObject = parsePem('--tls-key', tlsKey, () => createPrivateKey(key));
  const { validFrom, validTo } = certificate;
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new CliError('usage', `--tls-key: ${tlsKey} is not the key of ${tlsCert}.`, {
      hint: 'Pass the two files that were made together; the certificate itself comes before its chain.',
    });
  }
  if (now.getTime() > Date.parse(validTo)) {
    throw new CliError('usage', `--tls-cert: ${tlsCert} expired on ${validTo}.`, {
      hint: 'Renew it, or use --tls self-signed.',
    });
  }
  if (now.getTime() < Date.parse(validFrom)) {
    throw new CliError('usage', `--tls-cert: ${tlsCert} is not valid before ${validFrom}.`, {
      hint: "Look at this machine's clock.",
    });
  }
}

function parsePem<Parsed>(flag: string, path: string, parse: () => Parsed): Parsed {
  try {
    return parse();
  } catch (cause) {
    const detail = (cause as Error).message;
    throw new CliError('usage', `${flag}: ${path} is no PEM file that can be used: ${detail}.`, {
      hint: 'It begins with -----BEGIN. A key with a pass phrase must be decrypted first.',
      cause,
    });
  }
}
