// The flags that say who may come in, and how a coordinator is reached.

import type { ValuesOf } from './command.ts';
import { CliError } from './exit-codes.ts';

const group = 'Who may come in:';

export const admissionOptions = {
  'public-url': {
    type: 'string',
    describe: 'Address that others reach it by, such as that of a proxy',
    defaultDescription: "this machine's address in the local network",
    requiresArg: true,
    group,
  },
  'link-expires': {
    type: 'string',
    describe: 'How long the links to join and watch let people in: 90m, 2h, 7d',
    defaultDescription: 'without end',
    requiresArg: true,
    group,
  },
  tokens: {
    type: 'string',
    describe: 'Folder with the files work, watch and administer, a token each; others are drawn',
    requiresArg: true,
    group,
  },
  open: {
    type: 'boolean',
    describe: 'Let everybody in who reaches the address, without a link',
    group,
  },
  tls: {
    choices: ['self-signed'],
    describe: 'Speak TLS with a certificate made here; its SHA-256 is printed',
    conflicts: ['tls-cert', 'tls-key'],
    requiresArg: true,
    group,
  },
  'tls-cert': {
    type: 'string',
    describe: 'Speak TLS with the certificate in this PEM file, its chain behind it',
    requiresArg: true,
    group,
  },
  'tls-key': {
    type: 'string',
    describe: 'PEM file with the private key of the certificate',
    requiresArg: true,
    group,
  },
} as const;

/** Of those who come in. */
export const guestOptions = {
  token: {
    type: 'string',
    describe:
      'What stands behind #t= in the link; better in TUTTI_TOKEN, where nobody else sees it',
    requiresArg: true,
  },
  'token-file': {
    type: 'string',
    describe: 'File that holds the token, such as a mounted secret',
    conflicts: 'token',
    requiresArg: true,
  },
  'tls-fingerprint': {
    type: 'string',
    describe: 'SHA-256 of the only certificate to trust, as the coordinator printed it',
    requiresArg: true,
  },
} as const;

export type AdmissionFlags = ValuesOf<typeof admissionOptions>;
export type GuestFlags = ValuesOf<typeof guestOptions>;

const unitsMs = { m: 60_000, h: 3_600_000, d: 86_400_000 };
const longestMs = 3650 * unitsMs.d;

/** Milliseconds: `90m`, `2h`, `7d`. */
export function parseLinkExpires(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, amount, unit] = /^(\d+)([mhd])$/.exec(text) ?? [];
  const durationMs = Number(amount) * unitsMs[unit as keyof typeof unitsMs];
  if (durationMs > 0 && durationMs <= longestMs) return durationMs;
  throw new CliError('usage', `--link-expires: "${text}" is not a time from 1m to 3650d.`, {
    hint: 'Examples: --link-expires 90m, --link-expires 2h, --link-expires 7d',
  });
}

/** The origin of an http or https address. */
export function parsePublicUrl(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && ['http:', 'https:'].includes(url.protocol) && `${url.pathname}${url.search}` === '/') {
    return url.origin;
  }
  throw new CliError('usage', `--public-url: "${text}" is not the address of a host.`, {
    hint: 'Example: --public-url https://train.example.org; a path behind it cannot be served.',
  });
}

/** 64 hexadecimal digits, from whatever browsers and openssl show. */
export function parseFingerprint(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const hex = text.replace(/[:\s]/g, '').toLowerCase();
  if (/^[0-9a-f]{64}$/.test(hex)) return hex;
  throw new CliError('usage', `--tls-fingerprint: "${text}" is not a SHA-256.`, {
    hint: 'It has 64 hexadecimal digits. Copy the whole command that the coordinator printed.',
  });
}
