// Who comes in by which link, at every door that there is.
import { PacketType } from 'socket.io-parser';
import { describe, expect, it } from 'vitest';
import { createGate, type Pass } from '../coordinator/gate.ts';
import { drawTokens, scopes } from '../coordinator/tokens.ts';
import { type RunEvent, runEventSchema } from '../shared/events.ts';
import { protocolVersion, watchNamespace, workNamespace } from '../shared/protocol.ts';
import { type WatchEnding, watchRun } from '../worker/watch-run.ts';
import { handshakeOf, newStranger } from './hostile-client.ts';
import {
  type InnerCoordinator,
  newInnerCoordinator,
  next,
  noticesIn,
} from './inner-coordinator.ts';
import { dial, hangUp } from './raw-websocket.ts';
import type { TestScope } from './support.ts';

const tokens = drawTokens();
const passes: Pass[] = scopes.map((scope) => ({ token: tokens[scope], scope }));

function newGuarded(t: TestScope, changes: Partial<Pass> = {}): Promise<InnerCoordinator> {
  return newInnerCoordinator(t, {
    gate: createGate(passes.map((one) => ({ ...one, ...changes }))),
  });
}

/** What each namespace says to this token: a reason, or "welcome". */
async function knock(t: TestScope, url: string, token?: unknown): Promise<string[]> {
  const answers: string[] = [];
  for (const nsp of [workNamespace, watchNamespace]) {
    const stranger = await newStranger(t, url);
    const { type, data } = await stranger.enter(nsp, { ...handshakeOf('guest'), token });
    answers.push(type === PacketType.CONNECT ? 'welcome' : data.data.reason);
    stranger.wire.socket.destroy();
  }
  return answers;
}

async function watchWith(url: string, token?: string): Promise<[WatchEnding, RunEvent[]]> {
  const events: RunEvent[] = [];
  const handlers = {
    onEvent: (event: RunEvent) => {
      events.push(event);
      watching.close();
    },
    onAway: () => undefined,
    onBack: () => undefined,
  };
  const watching = watchRun(url, handlers, { schema: runEventSchema, token });
  return [await watching.ending, events];
}

describe('a coordinator with links', () => {
  it('lets everybody through the doors of their link', async (t) => {
    const { url } = await newGuarded(t);
    expect(await knock(t, url, tokens.work)).toEqual(['welcome', 'welcome']);
    expect(await knock(t, url, tokens.watch)).toEqual(['token-scope', 'welcome']);
    expect(await knock(t, url, tokens.administer)).toEqual(['welcome', 'welcome']);
    expect(await knock(t, url)).toEqual(['token-missing', 'token-missing']);
    expect(await knock(t, url, 'guess')).toEqual(['token-wrong', 'token-wrong']);
    expect(await knock(t, url, [tokens.work])).toEqual(['token-missing', 'token-missing']);
  });

  it('lets nobody in after the end of a link', async (t) => {
    const { url } = await newGuarded(t, { endsAt: Date.now() - 1 });
    expect(await knock(t, url, tokens.work)).toEqual(['token-ended', 'token-ended']);
  });

  it('trains with a worker that has the link, data and all', async (t) => {
    const { addWorker, log } = await newGuarded(t);
    addWorker({ token: tokens.work });
    expect((await next(log, 'step')).workers).toBe(1);
  });

  it('ends a worker that has none, with what to do about it', async (t) => {
    const { addWorker } = await newGuarded(t);
    expect(await addWorker().ending).toEqual({
      kind: 'refused',
      reason: 'coordinator',
      detail: 'it has no token; use the link or the command that the coordinator printed',
    });
  });

  it('shows its events to who may watch, and ends whoever may not', async (t) => {
    const { url } = await newGuarded(t);
    const [, events] = await watchWith(url, tokens.watch);
    expect(events).toMatchObject([{ type: 'run' }]);
    expect(await watchWith(url, 'guess')).toEqual([
      {
        kind: 'refused',
        reason: 'token-wrong',
        detail: 'its token is not one of this run; ask for the link of this run',
      },
      [],
    ]);
  });

  it('sends a stranger no byte of the run, while it lasts and after', async (t) => {
    const { url, config, coordinator } = await newGuarded(t);
    const secrets = [tokens.work, coordinator.url, 'runDirectory', 'batchSize', config.dataHash];
    const strangers = await Promise.all([1, 2, 3].map(() => newStranger(t, url)));
    const received: Buffer[] = [];
    for (const { wire } of strangers) wire.socket.on('data', (bytes) => received.push(bytes));
    const [one, other, third] = strangers;
    await one.enter(workNamespace, handshakeOf('guest'));
    await one.enter(watchNamespace, { protocol: protocolVersion, token: 'guess' });
    coordinator.stop();
    await other.enter(workNamespace, { ...handshakeOf('guest'), token: 'guess' });
    third.say({ type: 'ready', engine: 'a liar', samplesPerSecond: 1 });
    await third.wire.closed;
    await coordinator.done;
    expect(received.length).toBeGreaterThan(0);
    for (const secret of secrets) expect(Buffer.concat(received).includes(secret)).toBe(false);
  });

  it('tells of those whom it refuses, and never with which token', async (t) => {
    const { url, log } = await newGuarded(t);
    await knock(t, url, `wrong-${tokens.work}`);
    await knock(t, url, tokens.watch);
    expect(noticesIn(log)).toEqual([
      'refused "127.0.0.1": its token is not one of this run; ask for the link of this run',
      'refused "127.0.0.1": its link is for watching alone; ask for the one to join with',
    ]);
    for (const token of Object.values(tokens))
      expect(JSON.stringify(log.history)).not.toMatch(token);
  });

  it('gives no connection to an address of too many guesses', async (t) => {
    const { url, log } = await newGuarded(t);
    for (let time = 0; time < 10; time++) await knock(t, url, `guess ${time}`);
    const { wire } = await newStranger(t, url);
    expect(wire.head).toMatch(/^HTTP\/1.1 400 /);
    expect(noticesIn(log).at(-1)).toMatch('too many wrong tokens came from its address');
  });
});

describe('a piece of the training set', () => {
  async function pieceOf(t: TestScope) {
    const { url, addWorker, log } = await newGuarded(t);
    const stranger = await newStranger(t, url);
    await stranger.enter(workNamespace, { ...handshakeOf('guest'), token: tokens.work });
    const { data } = await stranger.told('welcome');
    return { url, address: `${url}/api/v1/data/${data.images[0].sha256}`, addWorker, log };
  }
  const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

  it('is for workers alone', async (t) => {
    const { address } = await pieceOf(t);
    expect((await fetch(address, bearer(tokens.work))).status).toBe(200);
    expect((await fetch(address, bearer(tokens.administer))).status).toBe(200);
    expect((await fetch(address, bearer(tokens.watch))).status).toBe(401);
    expect((await fetch(address, bearer('guess'))).status).toBe(401);
    const refused = await fetch(address);
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toBe('Bearer');
    expect(await refused.text()).toMatch(/^refused: it has no token; use the link/);
  });

  it('is not opened by a token in the address', async (t) => {
    const { address } = await pieceOf(t);
    for (const query of [`?t=${tokens.work}`, `?token=${tokens.work}`]) {
      expect((await fetch(`${address}${query}`)).status).toBe(401);
    }
  });

  it('does not tell whether it exists', async (t) => {
    const { url } = await pieceOf(t);
    const missing = `${url}/api/v1/data/${'0'.repeat(64)}`;
    expect((await fetch(missing)).status).toBe(401);
    expect((await fetch(missing, bearer(tokens.work))).status).toBe(404);
  });

  it.for([
    '/api/v1/data/../../../package.json',
    '/api/v1/data/..%2f..%2fpackage.json',
    '//etc/passwd',
    '/\\..\\package.json',
  ])('is no file of the coordinator: %s', async (path, t) => {
    const { url } = await newGuarded(t);
    // By hand: a library would tidy the path up.
    const socket = await dial(t, url);
    socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
    expect((await hangUp(socket)).toString()).toMatch(/^HTTP\/1\.1 404 /);
  });
});
