// What the coordinator and the dashboard tell of past runs over HTTP, and what they keep to themselves.
import { appendFile, mkdir, readFile, rename, stat, utimes, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createGate, type Gate, openGate } from '../coordinator/gate.ts';
import { defaultLimits } from '../coordinator/limits.ts';
import { pastRunRoutes } from '../coordinator/past-runs.ts';
import { createRunFolder, type RunFolder } from '../coordinator/run-folder.ts';
import { createRunList } from '../coordinator/run-list.ts';
import { startServer } from '../coordinator/server.ts';
import type { RunEvent } from '../shared/events.ts';
import { type TestScope, temporaryFolder } from './support.ts';
import { end, epoch, run, step, workers } from './terminal-events.ts';

const secret = 'the tokens of this run';
const history: readonly RunEvent[] = [run, step, epoch, workers, workers, end];

/** A folder with one run that is over, and a server of it. */
async function newServer(t: TestScope, gate: Gate = openGate) {
  const root = temporaryFolder(t);
  const folder = await createRunFolder(root, run.config, new Date('2026-11-22T10:54:12Z'));
  await writeFile(folder.paths.events, linesOf(history));
  await writeFile(folder.paths.links, secret);
  await writeFile(join(folder.paths.checkpoints, 'latest'), secret);
  const server = await startServer({
    host: '127.0.0.1',
    port: 0,
    maxPayloadBytes: 1000,
    routes: pastRunRoutes(root, 'administer'),
    limits: defaultLimits,
    gate,
    onRefused: () => undefined,
  });
  t.onTestFinished(() => server.close());
  const { port } = server;
  const ask = (path: string, headers: Record<string, string> = {}) =>
    fetch(`http://127.0.0.1:${port}/api/v1/runs${path}`, { headers });
  return { root, folder, port, ask };
}

function linesOf(events: readonly RunEvent[]): string {
  return events.map((event) => `${JSON.stringify(event)}\n`).join('');
}

function eventsIn(lines: string): RunEvent[] {
  const whole = lines.trimEnd().split('\n');
  return whole.map((line) => JSON.parse(line));
}

describe('the runs of a folder', () => {
  it('are told with their configurations and files, without those that are broken', async (t) => {
    const { root, folder, ask } = await newServer(t);
    await mkdir(join(root, 'notes'));
    expect(await (await ask('')).json()).toEqual({
      runs: [
        {
          run: folder.id,
          created: '2026-11-22T10:54:12.000Z',
          state: 'finished',
          epochs: epoch.epoch,
          bestAccuracy: epoch.testAccuracy,
          config: run.config,
          files: [
            { name: 'config.json', bytes: (await stat(folder.paths.config)).size },
            { name: 'events.ndjson', bytes: linesOf(history).length },
          ],
        },
      ],
    });
  });

  it('are read again when there is more of them, and not before', async (t) => {
    const { root, folder } = await newServer(t);
    const list = createRunList(root);
    const states = async () => (await list()).map(({ state }) => state);
    const then = new Date('2026-11-22T11:00:00Z');
    await utimes(folder.paths.events, then, then);
    expect(await states()).toEqual(['finished']);
    await writeFile(folder.paths.events, linesOf(history).replace('"completed"', '"abandoned"'));
    await utimes(folder.paths.events, then, then);
    expect(await states()).toEqual(['finished']);
    await appendFile(folder.paths.events, linesOf([{ ...run, fromVersion: 938 }]));
    expect(await states()).toEqual(['unfinished']);
  });
});

describe('the events of a past run', () => {
  it('are those that a newcomer would get', async (t) => {
    const { folder, ask } = await newServer(t);
    const response = await ask(`/${folder.id}/events`);
    expect(response.headers.get('content-encoding')).toBe('gzip');
    // Of the workers' tables, the last.
    const events = [run, step, epoch, workers, end];
    expect(eventsIn(await response.text())).toEqual(events);
    const plain = await ask(`/${folder.id}/events`, { 'accept-encoding': 'identity' });
    expect(plain.headers.get('content-encoding')).toBe(null);
    expect(eventsIn(await plain.text())).toEqual(events);
  });

  it('are found by the name of the run, whatever its folder is called', async (t) => {
    const { root, folder, ask } = await newServer(t);
    await rename(folder.directory, join(root, 'the best one'));
    expect((await ask(`/${folder.id}/events`)).status).toBe(200);
    expect((await ask('/the best one/events')).status).toBe(404);
  });
});

describe('the files of a past run', () => {
  it('are handed out to be kept, as they are', async (t) => {
    const { folder, ask } = await newServer(t);
    const response = await ask(`/${folder.id}/files/config.json`);
    const name = `${folder.id}-config.json`;
    expect(response.headers.get('content-disposition')).toBe(`attachment; filename="${name}"`);
    expect(await response.text()).toBe(await readFile(folder.paths.config, 'utf8'));
    await writeFile(folder.paths.ledger, '');
    expect(await (await ask(`/${folder.id}/files/ledger.ndjson`)).text()).toBe('');
  });

  it('are those of a list, and nothing else that a path can name', async (t) => {
    const { folder, port } = await newServer(t);
    for (const name of namesOf(folder)) {
      const { status, text } = await answerTo(port, `/api/v1/runs/${name}`);
      expect([status, text.includes(secret)], name).toEqual([404, false]);
    }
  });
});

function namesOf({ id, directory }: RunFolder): string[] {
  return [
    `${id}/files/links.json`,
    `${id}/files/checkpoints`,
    `${id}/files/checkpoints/latest`,
    `${id}/files/checkpoints%2flatest`,
    `${id}/files/../links.json`,
    `${id}/files/..%2flinks.json`,
    `${id}/files/model.onnx`,
    `${id}/files/__proto__`,
    `${id}/files/`,
    `${id}/links.json`,
    `../${id}/events`,
    `%2e%2e/events`,
    `./files/config.json`,
    `${encodeURIComponent(directory)}/files/config.json`,
    `__proto__/events`,
  ];
}

describe('where a token is asked for', () => {
  const token = 'k7wq2mk7wq2mk7wq2mk7wq2mk7';
  const guest = 'x3ntb8x3ntb8x3ntb8x3ntb8x3';

  it('past runs want that of a run to administer it', async (t) => {
    const { folder, ask } = await newServer(
      t,
      createGate([
        { token, scope: 'administer' },
        { token: guest, scope: 'watch' },
      ]),
    );
    for (const path of ['', `/${folder.id}/events`, `/${folder.id}/files/config.json`]) {
      const refused = await ask(path);
      expect(refused.status).toBe(401);
      expect(await refused.text()).not.toContain('mnist');
      expect((await ask(path, { authorization: `Bearer ${guest}` })).status).toBe(401);
      expect((await ask(path, { authorization: `Bearer ${token}` })).status).toBe(200);
    }
  });
});

/** To a request for exactly this path, which no client has tidied up. */
function answerTo(port: number, path: string): Promise<{ status?: number; text: string }> {
  return new Promise((resolve, reject) => {
    get({ port, path }, async (response) => {
      let text = '';
      for await (const chunk of response.setEncoding('utf8')) text += chunk;
      resolve({ status: response.statusCode, text });
    }).on('error', reject);
  });
}
