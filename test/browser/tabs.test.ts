// Tabs of a real browser at work beside processes of Node, and what may become of them.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openScope } from '../siege.ts';
import { type Cluster, inScope, newCluster } from '../support.ts';
import { launchBrowser, noBrowser, startTab } from './chromium.ts';

/** A slice of MNIST that each step cuts for eight. */
const flags = [
  '--train-samples=4096',
  '--test-samples=500',
  '--hidden=32',
  '--shards=8',
  '--epochs=1000',
  '--only-engine=wasm:simd',
];

const { scope, close } = openScope();
let browser: Browser;
beforeAll(async () => {
  if (noBrowser !== undefined) return;
  // A renderer kept in reserve would be taken for that of the tab.
  const args = ['--disable-features=SpareRendererForSitePerProcess'];
  browser = await launchBrowser(scope, { args });
});
afterAll(close);

describe.skipIf(noBrowser)('tabs beside processes', () => {
  it('train to the same bits as one process, all together', async (t) => {
    const cluster = await newCluster(t, { workers: 2, flags });
    const names = ['Ada', 'Ben', 'Cleo', 'Dan'];
    await Promise.all(names.map((name) => startTab(t, browser, cluster.url, name)));
    const tookPart = new Set<string>();
    await cluster.coordinator.waitForEvent('step', ({ contributions = {} }) => {
      for (const worker of Object.keys(contributions)) tookPart.add(worker);
      return tookPart.size === 6;
    });
    await endsInTheBitsOfOneProcess(cluster);
  });

  it('train to the same bits when they are killed, cut off and paused, and come back', async (t) => {
    const cluster = await newCluster(t, { workers: 1, flags });
    const { coordinator, url, waitForWorker } = cluster;
    const renderersBefore = await rendererPids();
    await startTab(t, browser, url, 'killed');
    await waitForWorker('killed', 'ready');
    const [renderer] = (await rendererPids()).filter((pid) => !renderersBefore.includes(pid));
    const cutOff = await startTab(t, browser, url, 'cut off');
    const paused = await startTab(t, browser, url, 'paused');
    for (const name of ['cut off', 'paused']) await waitForWorker(name, 'ready');

    process.kill(renderer, 'SIGKILL');
    await cutOff.context().setOffline(true);
    await paused.getByRole('button', { name: 'Pause' }).click();
    for (const name of ['killed', 'cut off']) await waitForWorker(name, 'left');
    expect((await waitForWorker('paused', 'left')).reason).toBe('it pauses');
    await cutOff.getByRole('status').getByText('This device is offline').waitFor();
    const { seq } = coordinator.eventsSoFar().at(-1)!;
    await coordinator.waitForEvent('step', (step) => step.seq > seq);

    await cutOff.context().setOffline(false);
    await paused.getByRole('button', { name: 'Go on' }).click();
    const back = new Set<string>();
    await coordinator.waitForEvent('worker', ({ name, action, seq: at }) => {
      if (action === 'ready' && at > seq) back.add(name);
      return back.size === 2;
    });
    await endsInTheBitsOfOneProcess(cluster);
  });
});

/** Stops the run and has one process do all of it again. */
async function endsInTheBitsOfOneProcess({ coordinator, end }: Cluster): Promise<void> {
  coordinator.kill('SIGINT');
  const { version, weightsHash } = await end();
  const alone = await inScope(async (t) => {
    const cluster = await newCluster(t, { flags: [...flags, `--max-steps=${version}`] });
    return cluster.end();
  });
  expect(alone.weightsHash).toBe(weightsHash);
}

/** Of the processes that run the tabs. */
async function rendererPids(): Promise<number[]> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  return processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
}
