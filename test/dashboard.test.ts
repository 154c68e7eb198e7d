// `tutti dashboard` as a process: where it is, whom it lets in, and how it ends.
import { stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readLinks } from '../coordinator/run-links.ts';
import { openScope } from './siege.ts';
import { quickRun, runTutti, startTutti, type TestScope, temporaryFolder } from './support.ts';

const { scope, close } = openScope();
/** Holds `runs/` with one that is finished. */
let cwd: string;
beforeAll(async () => {
  cwd = temporaryFolder(scope);
  const words = ['train', '--json', '--workers=1', '--port=0', '--epochs=2', ...quickRun];
  expect(await runTutti(scope, words, { cwd })).toMatchObject({ status: 0 });
});
afterAll(close);

async function newDashboard(t: TestScope, ...flags: string[]) {
  const dashboard = startTutti(t, ['dashboard', '--json', '--port=0', ...flags], { cwd });
  await dashboard.waitForText(/\}\n/);
  const { url, runs, count } = JSON.parse(dashboard.stdout);
  return { dashboard, url: String(url), runs, count };
}

describe('the dashboard', () => {
  it('says where it is, tells of the runs, and ends with Ctrl-C', async (t) => {
    const { dashboard, url, runs, count } = await newDashboard(t);
    expect([runs, count]).toEqual([join(cwd, 'runs'), 1]);
    const answer = await (await fetch(`${url}/api/v1/runs`)).text();
    const [told] = JSON.parse(answer).runs;
    expect(told).toMatchObject({ state: 'finished', epochs: 2 });
    const lines = await (await fetch(`${url}/api/v1/runs/${told.run}/events`)).text();
    expect(JSON.parse(lines.trimEnd().split('\n').at(-1)!)).toMatchObject({ type: 'end' });
    expect(await (await fetch(`${url}/`)).text()).toContain('<title>tutti</title>');
    dashboard.kill('SIGINT');
    expect(await dashboard.exit).toBe(130);
  });

  it('tells pages that no events will come, and sends workers and watchers away', async (t) => {
    const { url } = await newDashboard(t);
    expect((await fetch(`${url}/api/v1/events`)).status).toBe(204);
    for (const command of ['worker', 'watch']) {
      const { status, stderr } = await runTutti(t, [command, url], { cwd });
      expect(status).toBe(7);
      expect(stderr).toContain('this is the dashboard of past runs, where none is trained');
    }
  });

  it('lets in who has a link, where others can reach it', async (t) => {
    const { url } = await newDashboard(t, '--host=0.0.0.0');
    const address = `http://127.0.0.1:${new URL(url).port}/api/v1/runs`;
    expect((await fetch(address)).status).toBe(401);
    const path = join(cwd, 'runs', 'links.json');
    const { tokens } = readLinks(path)!;
    const headers = { authorization: `Bearer ${tokens.watch}` };
    expect((await fetch(address, { headers })).status).toBe(200);
    // For its owner alone.
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('is refused a port that is in use', async (t) => {
    const holder = createServer();
    const port = await new Promise<number>((resolve) => {
      holder.listen(0, '127.0.0.1', () => resolve((holder.address() as { port: number }).port));
    });
    t.onTestFinished(() => void holder.close());
    const { status, stderr } = await runTutti(t, ['dashboard', `--port=${port}`], { cwd });
    expect(status).toBe(4);
    expect(stderr).toContain(`127.0.0.1:${port} is in use by another program.`);
  });
});
