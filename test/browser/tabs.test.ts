// Tabs of a real browser at work beside processes of Node, and what may become of them.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, inScope, newCluster, type TestScope } from '../support.ts';
import { launchBrowser, noBrowser, openJoinPage } from './chromium.ts';

/** A slice of MNIST that each step cuts for six. */
const flags = [
  '--train-samples=4096',
  '--test-samples=500',
  '--hidden=32',
  '--shards=8',
  '--only-engine=wasm:simd',
];

let browser: Browser;
beforeAll(async () => {
  if (noBrowser === undefined) browser = await launchBrowser();
});
afterAll(() => browser?.close());

describe.skipIf(noBrowser)('four tabs and two processes', () => {
  it('train to the same bits as one process', async (t) => {
    const cluster = await newCluster(t, { workers: 2, flags: [...flags, '--epochs=1000'] });
    const names = ['Ada', 'Ben', 'Cleo', 'Dan'];
    await Promise.all(names.map((name) => startTab(t, cluster, name)));
    await cluster.coordinator.waitForEvent('step', ({ contributions = {} }) => {
      return Object.keys(contributions).length === 6;
    });
    cluster.coordinator.kill('SIGINT');
    const { version, weightsHash } = await cluster.end();
    expect(await hashOfOneProcess(version)).toBe(weightsHash);
  });
});

/** A tab whose user has clicked Start. */
async function startTab(t: TestScope, { url }: Cluster, name: string): Promise<Page> {
  const page = await openJoinPage(t, browser, url);
  await page.getByLabel('Your name').fill(name);
  await page.getByRole('button', { name: 'Start' }).click();
  return page;
}

/** Of the weights after so many steps. */
function hashOfOneProcess(steps: number): Promise<string> {
  return inScope(async (t) => {
    const until = [`--max-steps=${steps}`, '--epochs=1000'];
    const cluster = await newCluster(t, { flags: [...flags, ...until] });
    return (await cluster.end()).weightsHash;
  });
}
