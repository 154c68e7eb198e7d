// What the coordinator tells over HTTP: its events as they come, and how the run stands.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { EventLog } from '../coordinator/event-log.ts';
import { createGate, type Gate, openGate } from '../coordinator/gate.ts';
import { defaultLimits, type Limits } from '../coordinator/limits.ts';
import { startServer } from '../coordinator/server.ts';
import { watchRoutes } from '../coordinator/watch-routes.ts';
import type { NewRunEvent, RunEvent } from '../shared/events.ts';
import { newInnerCoordinator, next } from './inner-coordinator.ts';
import { dial } from './raw-websocket.ts';
import { inScope, type TestScope, temporaryFolder } from './support.ts';
import { end, epoch, run, step, waiting, workers } from './terminal-events.ts';

async function newServer(t: TestScope, changed: Partial<Limits> = {}, gate: Gate = openGate) {
  const limits = { ...defaultLimits, ...changed };
  const log = new EventLog({ lastSeq: 0 });
  const server = await startServer({
    host: '127.0.0.1',
    port: 0,
    maxPayloadBytes: 1000,
    routes: watchRoutes(log, limits),
    limits,
    gate,
    onRefused: () => undefined,
  });
  t.onTestFinished(() => server.close());
  const url = `http://127.0.0.1:${server.port}`;
  const tell = (...events: RunEvent[]): RunEvent[] =>
    events.map(({ seq: _, time: __, ...facts }) => log.add(facts as NewRunEvent));
  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(`${url}${path}`, { headers });
  return { server, url, log, tell, get };
}

/** The events of a stream, each with its id, as it comes. */
async function* read({ body }: Response): AsyncGenerator<{ id: string; event: RunEvent }> {
  let id = '';
  for await (const line of createInterface({ input: Readable.fromWeb(body as never) })) {
    if (line.startsWith('id: ')) id = line.slice('id: '.length);
    if (line.startsWith('data: ')) yield { id, event: JSON.parse(line.slice('data: '.length)) };
  }
}

async function nextOf(stream: AsyncGenerator<{ id: string; event: RunEvent }>) {
  return (await stream.next()).value;
}

describe('the stream of events', () => {
  it('begins with all that happened, goes on with what happens, and ends with the run', async (t) => {
    const { tell, get } = await newServer(t);
    const told = tell(run, waiting, step);
    const response = await get('/api/v1/events');
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    const stream = read(response);
    const heard = [await nextOf(stream), await nextOf(stream), await nextOf(stream)];
    expect(heard).toEqual(told.map((event) => ({ id: `mnist-1/${event.seq}`, event })));
    told.push(...tell(epoch, workers, end));
    for await (const each of stream) heard.push(each);
    expect(heard.map(({ event }) => event)).toEqual(told);
  });

  it('sends what came after the event that a reader has, by number or by id', async (t) => {
    const { tell, get } = await newServer(t);
    tell(run, waiting, step, epoch, end);
    const seqs = async (query: string, lastId?: string) => {
      const headers: Record<string, string> = lastId ? { 'last-event-id': lastId } : {};
      const seen: number[] = [];
      const response = await get(`/api/v1/events${query}`, headers);
      for await (const { event } of read(response)) seen.push(event.seq);
      return seen;
    };
    expect(await seqs('?since=3')).toEqual([4, 5]);
    expect(await seqs('?since=mnist-1/4')).toEqual([5]);
    // As EventSource does after a break: its first address, and what it has since.
    expect(await seqs('?since=0', 'mnist-1/4')).toEqual([5]);
    // Somebody started another run in its place.
    expect(await seqs('', 'mnist-0/4')).toEqual([1, 2, 3, 4, 5]);
  });

  it('refuses what is no position', async (t) => {
    const { get } = await newServer(t);
    for (const since of ['x', '-1', '1/2/3', '']) {
      expect((await get(`/api/v1/events?since=${since}`)).status).toBe(400);
    }
  });

  it('costs little memory for who does not read, and gives everything to who reads again', async (t) => {
    const { server, url, tell } = await newServer(t);
    tell(run);
    const asked = once(server.io.httpServer, 'request');
    const socket = await dial(t, url);
    socket.pause().write('GET /api/v1/events HTTP/1.0\r\n\r\n');
    const [, response] = await asked;
    for (let round = 0; round < 200; round++) {
      for (let time = 0; time < 40; time++) {
        tell({ type: 'notice', seq: 0, time: '', level: 'info', message: 'x'.repeat(2000) });
      }
      await setImmediate();
      expect(response.writableLength).toBeLessThan(300_000);
    }
    expect(server.traffic().bytesOut).toBeLessThan(12_000_000);
    const [{ seq: last }] = tell(end);
    let received = '';
    for await (const chunk of socket.setEncoding('utf8')) received += chunk;
    const seqs = [...received.matchAll(/"seq":(\d+)/g)].map(([, seq]) => Number(seq));
    expect(seqs).toEqual(Array.from({ length: last }, (_, at) => at + 1));
  });

  it('leaves room for workers, and gives its place to the next when it closes', async (t) => {
    const { server, url, tell, get } = await newServer(t, { maxConnections: 8 });
    tell(run);
    const openStream = async () => {
      const asked = once(server.io.httpServer, 'request');
      const socket = await dial(t, url);
      socket.write('GET /api/v1/events HTTP/1.1\r\nhost: x\r\n\r\n');
      const [, response] = await asked;
      return { socket, response };
    };
    const { socket, response } = await openStream();
    await openStream();
    const third = await get('/api/v1/events');
    expect(third.status).toBe(503);
    expect(third.headers.get('retry-after')).toBe('10');
    const closed = once(response, 'close');
    socket.destroy();
    await closed;
    expect((await get('/api/v1/events')).status).toBe(200);
  });

  it('writes each event down once, however many listen', async (t) => {
    const { tell, log, get } = await newServer(t);
    const streams = await Promise.all(Array.from({ length: 8 }, () => get('/api/v1/events')));
    let times = 0;
    const message = { toJSON: () => `written ${++times} times` };
    log.add({ type: 'notice', level: 'info', message: message as unknown as string });
    tell(end);
    for (const stream of streams) {
      const { event } = await nextOf(read(stream));
      expect(event.message).toBe('written 1 times');
    }
  });

  it('shows that it stands while nothing happens', async (t) => {
    const { tell, get } = await newServer(t, { joinTimeoutMs: 400 });
    const { body } = await get('/api/v1/events');
    let text = '';
    for await (const chunk of Readable.fromWeb(body as never).setEncoding('utf8')) {
      text += chunk;
      // Longer than a connection may stand still.
      if (text === ':\n\n'.repeat(6)) tell(end);
    }
    expect(text).toMatch(/"type":"end"/);
  });

  it('is read by the client in the README, word for word', async (t) => {
    const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
    const [, client] = /```js\n([\s\S]*?)```/.exec(readme)!;
    const path = join(temporaryFolder(t), 'client.mjs');
    await writeFile(path, client);
    const { url, tell } = await newServer(t);
    tell(run, step, epoch, end);
    const { stdout } = await promisify(execFile)(process.execPath, [path, url]);
    expect(stdout).toBe('step 2288: loss 0.31234\nepoch 1: 0.9355\n');
  });
});

describe('where a token is asked for', () => {
  const token = 'k7wq2mk7wq2mk7wq2mk7wq2mk7';
  const gate = createGate([{ token, scope: 'watch' }]);

  it.each(['/api/v1/events', '/api/v1/status', '/metrics'])('%s wants it', async (path) => {
    await inScope(async (t) => {
      const { tell, get } = await newServer(t, {}, gate);
      tell(run, end);
      const refused = await get(path);
      expect(refused.status).toBe(401);
      expect(await refused.text()).not.toContain('mnist');
      expect((await get(`${path}?token=${token}`)).status).toBe(401);
      expect((await get(path, { authorization: `Bearer ${token}` })).status).toBe(200);
    });
  });

  it('whoever starts and restarts processes needs none', async (t) => {
    const { tell, get } = await newServer(t, {}, gate);
    tell(run);
    expect((await get('/livez')).status).toBe(200);
    expect((await get('/readyz')).status).toBe(200);
  });
});

describe('the state of the run', () => {
  it('is told as JSON', async (t) => {
    const { tell, get } = await newServer(t);
    const status = async () => (await get('/api/v1/status')).json();
    expect(await status()).toMatchObject({ apiVersion: 1, state: 'starting' });
    tell(run, waiting);
    expect(await status()).toMatchObject({
      run: 'mnist-1',
      state: 'waiting',
      waiting: waiting.text,
    });
    tell(
      { ...waiting, cause: 'none', text: '' },
      epoch,
      { ...epoch, testAccuracy: 0.9 },
      workers,
      step,
    );
    expect(await status()).toMatchObject({
      state: 'training',
      epoch: 3,
      step: 412,
      version: 2288,
      totalSteps: 18_760,
      loss: 0.31234,
      evaluated: { testAccuracy: 0.9, ledger: { seen: 60_000, lost: 0, twice: 0 } },
      bestTestAccuracy: 0.9355,
      workers: workers.rows,
      counters: step.counters,
    });
    tell(end);
    expect(await status()).toMatchObject({ state: 'completed' });
  });

  it('decides whether workers may be sent here', async (t) => {
    const { tell, get } = await newServer(t);
    const ready = async () => (await get('/readyz')).status;
    expect(await ready()).toBe(503);
    tell(run);
    expect(await ready()).toBe(200);
    tell(end);
    expect(await ready()).toBe(503);
    expect((await get('/livez')).status).toBe(200);
  });

  // The same text was read by prometheus_client 0.26 (Python): text_string_to_metric_families.
  it('is told in the format of Prometheus, with no label for a worker', async (t) => {
    const { tell, get } = await newServer(t);
    tell(run, workers, epoch, step);
    const response = await get('/metrics');
    expect(response.headers.get('content-type')).toContain('text/plain; version=0.0.4');
    const text = await response.text();
    const grammar =
      /^(# HELP [a-z_]+ .+|# TYPE [a-z_]+ (counter|gauge)|[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [\d.e+-]+)$/;
    // Whoever reads it skips empty lines.
    const lines = text.split('\n').filter((line) => line !== '');
    for (const line of lines) expect(line).toMatch(grammar);
    expect(text).toContain('\ntutti_samples_committed_total 1200000\n');
    expect(text).toContain('\ntutti_gradients_total{outcome="duplicate"} 90\n');
    expect(text).toContain('\ntutti_train_loss 0.31234\n');
    expect(text).toContain('tutti_run_info{run="mnist-1",dataset="mnist"} 1\n');
    for (const [, name] of text.matchAll(/^# TYPE (\S+) counter/gm))
      expect(name).toMatch(/_total$/);
    expect(text).not.toContain('laptop');
  });

  it('has every figure that the dashboard for Grafana draws', async (t) => {
    const { tell, get } = await newServer(t);
    tell(run, workers, epoch, step);
    const text = await (await get('/metrics')).text();
    const told = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
    const path = new URL('../deploy/grafana/tutti.json', import.meta.url);
    const dashboard = await readFile(path, 'utf8');
    const drawn = [...dashboard.matchAll(/\b(?:tutti|process)_[a-z_]+/g)].map(([name]) => name);
    expect(drawn.length).toBeGreaterThan(10);
    for (const name of drawn) expect(told).toContain(name);
  });
});

describe('a run at work', () => {
  it('tells of each worker, and counts every image of an epoch once', async (t) => {
    const { log, addWorker } = await newInnerCoordinator(t);
    addWorker();
    const { ledger, samples } = await next(log, 'epoch');
    expect(ledger).toEqual({ seen: samples, lost: 0, twice: 0 });
    const { rows } = await next(log, 'workers');
    expect(rows).toEqual([expect.objectContaining({ name: 'honest', kind: 'node', share: 1 })]);
    const [row] = rows;
    expect(row).toMatchObject({ state: 'working', engine: 'reference:float64', rejected: 0 });
    expect(row.accepted).toBeGreaterThan(0);
    expect(row.bytesIn).toBeGreaterThan(row.accepted * 4);
    expect(row.computeMs).toBeGreaterThan(0);
    expect(row.networkMs).toBeGreaterThanOrEqual(0);
  });
});
