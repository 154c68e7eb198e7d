// An administrator's controls over HTTP: who may use them, what they answer, and what comes of them.
import { describe, expect, it } from 'vitest';
import { carryOut } from '../coordinator/controls.ts';
import { createGate, publicGate } from '../coordinator/gate.ts';
import { drawTokens, scopes } from '../coordinator/tokens.ts';
import { controlKinds } from '../shared/controls.ts';
import {
  fateIn,
  type InnerCoordinator,
  type InnerOptions,
  newInnerCoordinator,
  next,
} from './inner-coordinator.ts';
import { inScope, type TestScope } from './support.ts';

const tokens = drawTokens();
const gate = createGate(scopes.map((scope) => ({ token: tokens[scope], scope })));
const administrator = { authorization: `Bearer ${tokens.administer}` };

interface Asked {
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly method?: string;
}

async function newRun(t: TestScope, options: Pick<InnerOptions, 'gate' | 'config'> = {}) {
  const inner = await newInnerCoordinator(t, options);
  const ask = async (kind: string, { headers, body, method = 'POST' }: Asked = {}) => {
    const init = { method, headers, body };
    const response = await fetch(`${inner.url}/api/v1/controls/${kind}`, init);
    const text = await response.text();
    return { status: response.status, headers: response.headers, text };
  };
  return { ...inner, ask };
}

async function withWorker(inner: InnerCoordinator): Promise<void> {
  const step = next(inner.log, 'step');
  inner.addWorker();
  await step;
}

describe('the controls of a run with links', () => {
  it('are for the holder of the link to administer alone, and each fault says what to do', async (t) => {
    const { ask, url } = await newRun(t, { gate });
    const statusOf = async (headers?: Record<string, string>) => {
      const { status, text } = await ask('pause', { headers });
      if (status !== 200) {
        const { error } = JSON.parse(text);
        expect(error).toMatchObject({ code: status === 401 ? 'token' : 'scope' });
        expect(error.hint).toMatch(/links\.json/);
      }
      return status;
    };
    expect(await statusOf()).toBe(401);
    expect(await statusOf({ authorization: 'Bearer guess' })).toBe(401);
    expect(await statusOf({ authorization: `Bearer ${tokens.watch}` })).toBe(403);
    expect(await statusOf({ authorization: `Bearer ${tokens.work}` })).toBe(403);
    const query = `${url}/api/v1/controls/pause?t=${tokens.administer}`;
    expect((await fetch(query, { method: 'POST' })).status).toBe(401);
    expect(await statusOf(administrator)).toBe(200);
  });

  it('are offered to nobody else', async (t) => {
    const { url } = await newRun(t, { gate });
    const offer = (headers: Record<string, string>) => fetch(`${url}/api/v1/controls`, { headers });
    expect((await offer({ authorization: `Bearer ${tokens.work}` })).status).toBe(403);
    expect(await (await offer(administrator)).json()).toEqual({ controls: controlKinds });
  });
});

describe('the controls of a run without links', () => {
  it('are nobody’s where everybody may come in', async (t) => {
    const { ask } = await newRun(t, { gate: publicGate });
    const { status, text } = await ask('stop');
    expect(status).toBe(403);
    expect(JSON.parse(text).error.hint).toMatch('without --open');
  });

  it('are those of this machine and of its own page, not of other sites’', async (t) => {
    const { ask, url } = await newRun(t);
    const from = async (origin: string) =>
      (await ask('checkpoint', { headers: { origin } })).status;
    expect(await from(url)).toBe(200);
    expect(await from('http://elsewhere.example')).toBe(403);
    expect(await from('null')).toBe(403);
  });
});

describe('a request', () => {
  it.each<[string, Asked, number, string]>([
    ['dance', {}, 404, 'kind'],
    ['__proto__', {}, 404, 'kind'],
    ['rate', { body: '{"rate":-1}' }, 400, 'body'],
    ['rate', { body: '{"rate":"0.1"}' }, 400, 'body'],
    ['rate', {}, 400, 'body'],
    ['rate', { body: '{"rate":0.1,"more":1}' }, 400, 'body'],
    ['rate', { body: '{"rate":0.1' }, 400, 'body'],
    ['pause', { body: 'null' }, 400, 'body'],
    ['expel', { body: '{"worker":"nobody"}' }, 404, 'worker'],
    ['expel', { body: JSON.stringify({ worker: 'x'.repeat(5000) }) }, 413, 'size'],
    ['resume', {}, 409, 'moving'],
  ])('for %s with %j is answered with %i', async (kind, asked, status, code) => {
    const answer = await inScope(async (t) => (await newRun(t)).ask(kind, asked));
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(JSON.parse(answer.text).error).toMatchObject({ code });
  });

  it('must be a POST', async (t) => {
    const { ask, url } = await newRun(t);
    const { status, headers, text } = await ask('pause', { method: 'GET' });
    expect([status, headers.get('allow')]).toEqual([405, 'POST']);
    expect(JSON.parse(text).error).toEqual({
      code: 'method',
      message: 'Nothing is done here by GET.',
      hint: 'Send a POST.',
    });
    expect((await ask('pause', { method: 'DELETE' })).status).toBe(405);
    const posted = await fetch(`${url}/api/v1/controls`, { method: 'POST' });
    expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET']);
    expect(await posted.json()).toMatchObject({
      error: { code: 'method', hint: expect.stringContaining('POST to /api/v1/controls/pause') },
    });
  });
});

describe('an administrator', () => {
  it('pauses the run, which says by whom, and lets it go on', async (t) => {
    const inner = await newRun(t);
    const { ask, log } = inner;
    await withWorker(inner);
    const waiting = next(log, 'waiting');
    const { text } = await ask('pause', { body: '{"by":"Ada\\u202e"}' });
    expect(JSON.parse(text)).toMatchObject({ type: 'control', kind: 'pause', by: 'Ada' });
    expect(await waiting).toMatchObject({ cause: 'paused', text: 'paused by Ada' });
    const again = await ask('pause');
    expect(again.status).toBe(409);
    expect(JSON.parse(again.text).error.message).toBe('The run is paused by Ada.');
    const step = next(log, 'step');
    expect((await ask('resume')).status).toBe(200);
    await step;
  });

  it('sets the learning rate from a step on that is not open yet', async (t) => {
    const inner = await newRun(t);
    const { ask, log, config } = inner;
    await withWorker(inner);
    const { fromVersion } = JSON.parse((await ask('rate', { body: '{"rate":0.5}' })).text);
    let step = await next(log, 'step');
    while (step.version <= fromVersion) {
      expect(step.learningRate).toBe(config.optimizer.learningRate);
      step = await next(log, 'step');
    }
    expect(step.learningRate).toBe(0.5);
  });

  it('sets it for workers that take steps of their own, too', async (t) => {
    const sync = { mode: 'local', localSteps: 2, outerLearningRate: 1, outerMomentum: 0 } as const;
    const inner = await newRun(t, { config: { sync } });
    await withWorker(inner);
    const { fromVersion } = JSON.parse((await inner.ask('rate', { body: '{"rate":0}' })).text);
    let epoch = await next(inner.log, 'epoch');
    while (epoch.version < fromVersion) epoch = await next(inner.log, 'epoch');
    // Nothing is learned any more.
    expect((await next(inner.log, 'epoch')).weightsHash).toBe(epoch.weightsHash);
  });

  it('gets a checkpoint', async (t) => {
    const inner = await newRun(t);
    await withWorker(inner);
    await inner.ask('pause');
    const checkpoint = next(inner.log, 'checkpoint');
    await inner.ask('checkpoint');
    expect(await checkpoint).not.toHaveProperty('error');
  });

  it('sends a worker away, which hears why and does not come back', async (t) => {
    const inner = await newRun(t);
    const { ask, log } = inner;
    const step = next(log, 'step');
    const worker = inner.addWorker();
    await step;
    const body = JSON.stringify({ worker: 'honest', reason: 'too slow', by: 'Ada' });
    expect(JSON.parse((await ask('expel', { body })).text)).toMatchObject({
      kind: 'expel',
      worker: 'w1',
      name: 'honest',
      reason: 'too slow',
    });
    const detail = 'Ada sent it away: too slow';
    expect(await worker.ending).toEqual({ kind: 'refused', reason: 'expelled', detail });
    expect(fateIn(log, 'honest').at(-1)).toBe(`expelled: ${detail}`);
  });

  it('has to say which of two workers of one name', async (t) => {
    const inner = await newRun(t);
    await withWorker(inner);
    await withWorker(inner);
    const { status, text } = await inner.ask('expel', { body: '{"worker":"honest"}' });
    expect(status).toBe(409);
    expect(JSON.parse(text).error.hint).toBe('Name one by its id: w1, w2.');
    expect((await inner.ask('expel', { body: '{"worker":"w2"}' })).status).toBe(200);
  });

  it('stops the run, and changes nothing after its end', async (t) => {
    const inner = await newRun(t);
    const { ask, log, coordinator } = inner;
    await withWorker(inner);
    expect((await ask('stop', { body: '{"by":"Ada"}' })).status).toBe(200);
    expect((await coordinator.done).reason).toBe('stopped');
    expect(log.history.some((event) => event.type === 'control' && event.by === 'Ada')).toBe(true);
    expect(carryOut({ kind: 'rate', rate: 1 }, coordinator.steered)).toMatchObject({
      ok: false,
      fault: { code: 'over' },
    });
  });
});
