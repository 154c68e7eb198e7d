import { readFile, stat, writeFile } from 'node:fs/promises';
import type { NetworkInterfaceInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeLinks } from '../coordinator/run-links.ts';
import { drawTokens, scopes } from '../coordinator/tokens.ts';
import { entryOf, prepareAdmission } from '../deploy/admission.ts';
import { parseDestination } from '../deploy/coordinator-url.ts';
import { readToken, readTokens } from '../deploy/given-tokens.ts';
import { lanAddress } from '../deploy/lan-address.ts';
import { linkTo, tokenIn, withoutTokens } from '../shared/join-link.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const flags = { publicUrl: undefined, linkExpires: undefined, open: undefined, tls: undefined };
const noFiles = { tlsCert: undefined, tlsKey: undefined, tokens: undefined };
const admissionOf = (changes: object) =>
  prepareAdmission({ ...flags, ...noFiles, host: '127.0.0.1', ...changes });
const token = 'k7wq2mk7wq2mk7wq2mk7wq2mk7';

async function folderOf(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await temporaryDirectory();
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

describe('links', () => {
  it.each(['127.0.0.1', '::1', 'localhost'])('are not asked for on %s', async (host) => {
    expect(await admissionOf({ host })).toMatchObject({ isGuarded: false, warnings: [] });
  });

  it.each(['0.0.0.0', '::', '192.168.1.5', 'lab'])('are asked for on %s', async (host) => {
    expect(await admissionOf({ host })).toMatchObject({ isGuarded: true });
  });

  it('are asked for here, too, of who comes through a proxy, and where tokens are given', async () => {
    const publicUrl = 'https://train.example.org';
    expect(await admissionOf({ publicUrl })).toMatchObject({ isGuarded: true, warnings: [] });
    const tokens = await folderOf({ watch: token });
    expect(await admissionOf({ tokens })).toMatchObject({
      isGuarded: true,
      tokens: { watch: token },
    });
  });

  it('are not asked for with --open, and that is said', async () => {
    const { isGuarded, warnings } = await admissionOf({ host: '0.0.0.0', open: true });
    expect(isGuarded).toBe(false);
    expect(warnings).toEqual([
      expect.stringMatching(/^Everybody .* --open/),
      expect.stringMatching(/--tls self-signed/),
    ]);
  });

  it('can be read along without TLS, and that is said once', async () => {
    const { warnings } = await admissionOf({ host: '0.0.0.0' });
    expect(warnings).toEqual([expect.stringMatching(/^Others in the network can read .* TLS/)]);
    const behindProxy = { host: '0.0.0.0', publicUrl: 'https://train.example.org' };
    expect((await admissionOf(behindProxy)).warnings).toEqual([]);
  });

  it.each([
    [{ linkExpires: '2' }, '--link-expires: "2" is not a time from 1m to 3650d.'],
    [{ linkExpires: '0h' }, '--link-expires: "0h" is not a time'],
    [{ linkExpires: '99999999d' }, '--link-expires: "99999999d" is not a time'],
    [{ publicUrl: 'train.example.org' }, '--public-url: "train.example.org" is not the address'],
    [{ publicUrl: 'https://a.example/tutti' }, '--public-url: "https://a.example/tutti" is not'],
  ])('cannot be made with %j', async (changes, message) => {
    await expect(admissionOf(changes)).rejects.toThrow(message);
  });
});

describe('the links of a run', () => {
  const url = 'http://192.168.1.5:7070';
  const newPath = async () => join(await temporaryDirectory(), 'links.json');
  const warn = (message: string): never => {
    throw new Error(message);
  };

  it('stay what they are when it is resumed', async () => {
    const path = await newPath();
    const first = entryOf({ path, linksLastMs: 7_200_000, warn }, 0);
    expect(first.expires).toBe('1970-01-01T02:00:00.000Z');
    writeLinks(path, first, url);
    const second = entryOf({ path, warn }, 1000);
    expect([second.tokens, second.expires]).toEqual([first.tokens, first.expires]);
    expect(entryOf({ path, linksLastMs: 60_000, warn }, 1000).expires).toBe(
      '1970-01-01T00:01:01.000Z',
    );
    expect(second.ownToken).not.toBe(first.ownToken);
  });

  it('have the tokens that are given, whatever they had before', async () => {
    const path = await newPath();
    const first = entryOf({ path, warn });
    writeLinks(path, first, url);
    const second = entryOf({ path, given: { work: token }, warn });
    expect(second.tokens).toEqual({ ...first.tokens, work: token });
    expect(second.gate.refusal(token, 'work', 'x')).toBeUndefined();
    expect(second.gate.refusal(first.tokens.work, 'work', 'x')).toBe('token-wrong');
    writeLinks(path, second, url);
    expect(entryOf({ path, warn }).tokens).toEqual(second.tokens);
  });

  it('that have ended are told of when the run is resumed', async () => {
    const path = await newPath();
    writeLinks(path, entryOf({ path, linksLastMs: 1000, warn }, 0), url);
    expect(() => entryOf({ path, warn }, 999)).not.toThrow();
    expect(() => entryOf({ path, warn }, 1000)).toThrow(/^The links to join .* have ended/);
    expect(() => entryOf({ path, linksLastMs: 1000, warn }, 5000)).not.toThrow();
  });

  it('end for guests, not for their owner nor for the workers beside it', async () => {
    const { gate, tokens, ownToken } = entryOf({ path: await newPath(), linksLastMs: 1, warn }, 0);
    expect(gate.refusal(tokens.work, 'work', 'x')).toBe('token-ended');
    expect(gate.refusal(tokens.watch, 'watch', 'x')).toBe('token-ended');
    expect(gate.refusal(tokens.administer, 'work', 'x')).toBeUndefined();
    expect(gate.refusal(ownToken, 'work', 'x')).toBeUndefined();
  });

  it('are written for their owner alone', async () => {
    const path = await newPath();
    await writeFile(`${path}.tmp`, 'left behind by a crash', { mode: 0o644 });
    const tokens = drawTokens();
    writeLinks(path, { tokens }, url);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({
      formatVersion: 1,
      tokens,
      links: {
        join: `${url}/join#t=${tokens.work}`,
        work: `${url}/#t=${tokens.work}`,
        watch: `${url}/#t=${tokens.watch}`,
        administer: `${url}/#t=${tokens.administer}`,
      },
    });
  });

  it.each(['', 'null', '{}', '{"formatVersion":1,"tokens":{"work":"a"}}'])(
    'are new, and that is said, where the file is %j',
    async (content) => {
      const path = await newPath();
      await writeFile(path, content);
      const warnings: string[] = [];
      const { tokens } = entryOf({ path, warn: (message) => warnings.push(message) });
      for (const scope of scopes) expect(tokens[scope]).toHaveLength(26);
      expect(warnings).toEqual([
        `The run has new links, because the old ones are lost: ${path} is broken`,
      ]);
    },
  );
});

describe('tokens in files', () => {
  it('are read without the ends of their lines', async () => {
    const folder = await folderOf({ work: `${token}\n`, administer: 'A'.repeat(22) });
    expect(readTokens(folder)).toEqual({ work: token, administer: 'A'.repeat(22) });
    expect(readToken(join(folder, 'work'))).toBe(token);
  });

  it.each<[Record<string, string>, string]>([
    [{}, '--tokens: FOLDER has no file work, watch, administer.'],
    [{ work: 'short' }, 'FOLDER/work holds no token.'],
    [{ work: 'has a space in the middle' }, 'FOLDER/work holds no token.'],
    [{ work: '' }, 'FOLDER/work holds no token.'],
    [{ work: token, watch: token }, '--tokens: two files in FOLDER hold the same token.'],
  ])('are refused as %j, and not quoted', async (files, message) => {
    const folder = await folderOf(files);
    expect(() => readTokens(folder)).toThrow(message.replace('FOLDER', folder));
  });

  it('let a guest in before what the link and the environment say', async () => {
    const tokenFile = join(await folderOf({ work: token }), 'work');
    expect(parseDestination('lab#t=link', { tokenFile }, { TUTTI_TOKEN: 'env' }).token).toBe(token);
    expect(() => parseDestination('lab', { tokenFile: 'nowhere' })).toThrow(
      '--token-file: there is no nowhere.',
    );
  });
});

describe('a link', () => {
  it.each([
    [`http://lab:7070/join#t=${token}`, 'http://lab:7070', token],
    [`https://lab/#t=${token}`, 'https://lab', token],
    [`lab:7070/#autostart&t=${token}`, 'http://lab:7070', token],
    ['lab:7070', 'http://lab:7070', undefined],
    ['lab:7070/#x=1', 'http://lab:7070', undefined],
    [`lab:7070/?t=${token}`, 'http://lab:7070', undefined],
  ])('%s is an address and a token', (text, url, found) => {
    expect(parseDestination(text, {}, {})).toEqual({ url, token: found });
  });

  it('gives way to --token, and goes before TUTTI_TOKEN', () => {
    const env = { TUTTI_TOKEN: 'env' };
    expect(parseDestination('lab#t=link', { token: 'flag' }, env).token).toBe('flag');
    expect(parseDestination('lab#t=link', {}, env).token).toBe('link');
    expect(parseDestination('lab', {}, env).token).toBe('env');
    expect(parseDestination('lab', {}, { TUTTI_TOKEN: '' }).token).toBeUndefined();
  });

  it('is told of without its token', () => {
    const link = linkTo('http://lab:7070', '/join', token);
    expect(tokenIn(new URL(link).hash)).toBe(token);
    expect(withoutTokens(`tutti: "${link}" is not, '${link}&autostart' neither`)).toBe(
      'tutti: "http://lab:7070/join#t=..." is not, \'http://lab:7070/join#t=...&autostart\' neither',
    );
  });

  it('takes the fingerprint of a certificate as anybody writes it', () => {
    const hex = '0123456789abcdef'.repeat(4);
    const pairs = hex.toUpperCase().match(/../g)!;
    for (const tlsFingerprint of [hex, pairs.join(':'), pairs.join(' ')]) {
      expect(parseDestination('lab', { tlsFingerprint }).tlsFingerprint).toBe(hex);
    }
    expect(() => parseDestination('lab', { tlsFingerprint: 'ab:cd' })).toThrow(
      '--tls-fingerprint: "ab:cd" is not a SHA-256.',
    );
  });
});

describe('the address to tell others', () => {
  const network = (address: string, changes: Partial<NetworkInterfaceInfo> = {}) => [
    { address, family: 'IPv4', internal: false, ...changes } as NetworkInterfaceInfo,
  ];
  const lo = network('127.0.0.1', { internal: true });

  it.each<[string, Record<string, NetworkInterfaceInfo[]>, string | undefined]>([
    ['its Wi-Fi', { lo, wlan0: network('192.168.1.5') }, '192.168.1.5'],
    ['its cable', { docker0: network('172.17.0.1'), eth0: network('10.0.0.5') }, '10.0.0.5'],
    [
      'no bridge of containers',
      { 'br-1a2b': network('192.168.32.1'), eth0: network('172.16.4.2') },
      '172.16.4.2',
    ],
    [
      'no virtual machine of Windows',
      { 'vEthernet (WSL)': network('192.168.96.1'), Ethernet: network('141.20.1.2') },
      '141.20.1.2',
    ],
    ['no tunnel', { utun3: network('10.8.0.2'), en0: network('192.168.0.9') }, '192.168.0.9'],
    [
      'no address of its own making',
      { en0: network('169.254.1.1'), en1: network('8.8.8.8') },
      '8.8.8.8',
    ],
    ['the one that there is', { lo, docker0: network('172.17.0.1') }, '172.17.0.1'],
    ['none of IPv6', { eth0: network('fe80::1', { family: 'IPv6' as never }) }, undefined],
    ['none without a network', { lo }, undefined],
  ])('is %s', (_, interfaces, expected) => {
    expect(lanAddress(interfaces)).toBe(expected);
  });
});
