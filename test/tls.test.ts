// TLS between real sockets: what comes over it, and who turns away whom.
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import { createGate } from '../coordinator/gate.ts';
import { drawToken } from '../coordinator/tokens.ts';
import { selfSignedIdentity } from '../deploy/self-signed.ts';
import { type ServedIdentity, tlsIdentity } from '../deploy/tls-identity.ts';
import { runEventSchema } from '../shared/events.ts';
import { agentFor, fetchOver } from '../worker/pinned-agent.ts';
import { tlsFault } from '../worker/tls-fault.ts';
import { webSocketFor } from '../worker/unmasked-websocket.ts';
import { watchRun } from '../worker/watch-run.ts';
import { newInnerCoordinator, next, noticesIn } from './inner-coordinator.ts';
import { hangUp } from './raw-websocket.ts';
import { inScope, type TestScope, temporaryFolder } from './support.ts';

const hosts = ['127.0.0.1', 'lab.example'];
const noFiles = { tls: undefined, tlsCert: undefined, tlsKey: undefined };
const dayMs = 86_400_000;
const token = drawToken();
const gate = createGate([{ token, scope: 'work' }]);
const otherPin = '0'.repeat(64);

let identity: ServedIdentity;
beforeAll(async () => {
  identity = await inScope((t) => newIdentity(t));
});

async function newIdentity(t: TestScope, now = new Date()): Promise<ServedIdentity> {
  const path = join(temporaryFolder(t), 'tutti', 'own.json');
  return (await tlsIdentity({ ...noFiles, tls: 'self-signed' }, { hosts, path, now }))!;
}

describe('a coordinator with TLS', () => {
  it('trains with a worker that knows its certificate, data and all', async (t) => {
    const { url, addWorker, log } = await newInnerCoordinator(t, { gate, tls: identity });
    expect(url).toMatch(/^https:/);
    addWorker({ token, tlsFingerprint: identity.fingerprint });
    expect((await next(log, 'step')).workers).toBe(1);
  });

  it('is watched by who knows its certificate', async (t) => {
    const { url } = await newInnerCoordinator(t, { gate, tls: identity });
    const watch = (fingerprint?: string) => {
      const webSocket = webSocketFor(agentFor(fingerprint));
      const seen: string[] = [];
      const handlers = {
        onEvent: ({ type }: { type: string }) => {
          seen.push(type);
          watching.close();
        },
        onAway: () => undefined,
        onBack: () => undefined,
      };
      const watching = watchRun(url, handlers, {
        schema: runEventSchema,
        token,
        webSocket,
        faultOf: tlsFault,
      });
      return watching.ending.then((ending) => [ending, seen]);
    };
    expect(await watch(identity.fingerprint)).toEqual([{ kind: 'closed' }, ['run']]);
    expect(await watch(otherPin)).toEqual([
      { kind: 'refused', detail: expect.stringMatching(/^its certificate is not the one of/) },
      [],
    ]);
  });

  it.for<[string, string | undefined, string]>([
    ['knows another', otherPin, 'its certificate is not the one of --tls-fingerprint; use the'],
    ['knows none', undefined, 'nobody whom this machine trusts vouches for its certificate; use'],
  ])('is left by a worker that %s', async ([, tlsFingerprint, detail], t) => {
    const { addWorker } = await newInnerCoordinator(t, { gate, tls: identity });
    const ending = await addWorker({ token, tlsFingerprint }).ending;
    expect(ending).toMatchObject({ kind: 'refused', reason: 'coordinator' });
    expect(ending).toHaveProperty('detail', expect.stringContaining(detail));
  });

  it('says so to its host when somebody comes without', async (t) => {
    const { url, log } = await newInnerCoordinator(t, { gate, tls: identity });
    const told = next(log, 'notice');
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write('GET /join HTTP/1.1\r\nhost: x\r\n\r\n');
    await hangUp(socket);
    expect((await told).message).toBe(
      'refused "127.0.0.1": it does not speak TLS; the address of this coordinator begins with https://',
    );
    expect(noticesIn(log)).toHaveLength(1);
  });

  it('waits for nobody who does not shake hands', async (t) => {
    const limits = { joinTimeoutMs: 500 };
    const { url } = await newInnerCoordinator(t, { tls: identity, limits });
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    await hangUp(socket);
  });

  it('lets in pages that came over TLS alone', async (t) => {
    const { url } = await newInnerCoordinator(t, { tls: identity });
    const { host, port } = new URL(url);
    const answerTo = async (origin: string) => {
      const socket = connectTls({ host: '127.0.0.1', port: Number(port), ca: identity.cert });
      const path = '/socket.io/?EIO=4&transport=websocket';
      const key = 'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==';
      const upgrade = `connection: upgrade\r\nupgrade: websocket\r\n${key}`;
      socket.write(
        `GET ${path} HTTP/1.1\r\nhost: ${host}\r\norigin: ${origin}\r\n${upgrade}\r\n\r\n`,
      );
      const [head] = await once(socket, 'data');
      socket.destroy();
      return String(head).slice(9, 12);
    };
    expect(await answerTo(`https://${host}`)).toBe('101');
    expect(await answerTo(`http://${host}`)).toBe('400');
    expect(await answerTo('https://elsewhere.example')).toBe('400');
  });
});

describe('a pinned connection', () => {
  async function newHttps(t: TestScope) {
    const asked: string[] = [];
    const server = createServer(identity, (request, response) => {
      asked.push(String(request.headers.authorization));
      response.end('hello');
    });
    t.onTestFinished(async () => void server.close().closeAllConnections());
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return { asked, url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/` };
  }
  const headers = { authorization: 'Bearer secret' };

  it('asks as often as it is wanted to, and checks each time', async (t) => {
    const { url, asked } = await newHttps(t);
    const fetch = fetchOver(agentFor(identity.fingerprint)!);
    for (const _ of [1, 2, 3]) {
      const response = await fetch(url, { headers });
      expect([response.status, await response.text()]).toEqual([200, 'hello']);
    }
    expect(asked).toEqual(Array(3).fill('Bearer secret'));
  });

  it('sends nothing to whoever has another certificate', async (t) => {
    const { url, asked } = await newHttps(t);
    const attempt = fetchOver(agentFor(otherPin)!)(url, { headers });
    await expect(attempt).rejects.toThrow(`expected the certificate ${otherPin}, found`);
    expect(asked).toEqual([]);
  });

  it('ends with the signal that it was given', async (t) => {
    const { url } = await newHttps(t);
    const signal = AbortSignal.abort(new Error('enough'));
    const attempt = fetchOver(agentFor(identity.fingerprint)!)(url, { signal });
    await expect(attempt).rejects.toThrow();
  });
});

describe('a certificate of its own', () => {
  it('is kept for its owner alone, and is the same the next time', async (t) => {
    const path = join(temporaryFolder(t), 'tutti', 'own.json');
    const first = await selfSignedIdentity({ hosts, path });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await selfSignedIdentity({ hosts, path })).toEqual(first);
    const certificate = new X509Certificate(first.cert);
    expect(certificate.subjectAltName).toBe('IP Address:127.0.0.1, DNS:lab.example');
    expect(Date.parse(certificate.validTo) - Date.now()).toBeGreaterThan(364 * dayMs);
  });

  it.for<[string, (path: string) => Promise<unknown>, string[], Date]>([
    ['it is for another address', async () => undefined, ['10.0.0.5', ...hosts], new Date()],
    ['it ends in a week', async () => undefined, hosts, new Date(Date.now() + 359 * dayMs)],
    ['its file is torn', (path) => writeFile(path, '{"cert":'), hosts, new Date()],
    ['its file is another', (path) => writeFile(path, '{"cert":"x"}'), hosts, new Date()],
  ])('is made again when %s', async ([, change, newHosts, now], t) => {
    const path = join(temporaryFolder(t), 'own.json');
    const first = await selfSignedIdentity({ hosts, path });
    await change(path);
    const second = await selfSignedIdentity({ hosts: newHosts, path, now });
    expect(second.cert).not.toBe(first.cert);
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual(second);
  });

  it('that cannot be kept is an error that says so', async (t) => {
    const path = join(temporaryFolder(t), 'file');
    await writeFile(path, '');
    const made = tlsIdentity(
      { ...noFiles, tls: 'self-signed' },
      { hosts, path: join(path, 'own.json') },
    );
    await expect(made).rejects.toThrow(/^--tls self-signed: the certificate cannot be kept: E/);
  });
});

describe('a certificate from files', () => {
  async function newFiles(t: TestScope) {
    const folder = temporaryFolder(t);
    const write = async (name: string, content: string) => {
      await writeFile(join(folder, name), content);
      return join(folder, name);
    };
    return {
      write,
      tlsCert: await write('cert.pem', identity.cert),
      tlsKey: await write('key.pem', identity.key),
    };
  }
  const load = (files: object, now?: Date) => tlsIdentity({ ...noFiles, ...files }, { hosts, now });

  it('is taken with its key', async (t) => {
    const { tlsCert, tlsKey } = await newFiles(t);
    expect(await load({ tlsCert, tlsKey })).toEqual(identity);
    expect(await load({})).toBeUndefined();
  });

  it('is refused when it cannot work, with the file at fault', async (t) => {
    const { write, tlsCert, tlsKey } = await newFiles(t);
    const foreign = await write('foreign.pem', (await newIdentity(t)).key);
    const text = await write('text.pem', 'hello');
    const later = new Date(Date.now() + 400 * dayMs);
    const earlier = new Date(Date.now() - 2 * dayMs);
    const complaints: [files: object, complaint: string, now?: Date][] = [
      [{ tlsCert }, '--tls-cert is of no use without --tls-key.'],
      [{ tlsKey }, '--tls-key is of no use without --tls-cert.'],
      [{ tlsCert: `${text}x`, tlsKey }, `--tls-cert: ${text}x cannot be read: ENOENT`],
      [{ tlsCert: text, tlsKey }, `--tls-cert: ${text} is no PEM file that can be used:`],
      [{ tlsCert, tlsKey: text }, `--tls-key: ${text} is no PEM file that can be used:`],
      [{ tlsCert, tlsKey: foreign }, `--tls-key: ${foreign} is not the key of ${tlsCert}.`],
      [{ tlsCert, tlsKey }, `--tls-cert: ${tlsCert} expired on `, later],
      [{ tlsCert, tlsKey }, `--tls-cert: ${tlsCert} is not valid before `, earlier],
    ];
    for (const [files, complaint, now] of complaints) {
      await expect(load(files, now)).rejects.toThrow(complaint);
    }
  });
});
