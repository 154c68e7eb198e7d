// The page /join in its states, as somebody sees it who has only the page.
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openScope } from '../siege.ts';
import { type Cluster, endlessRun, newCluster, quickRun } from '../support.ts';
import { launchBrowser, noBrowser, openTab, startTab } from './chromium.ts';

const { scope, close } = openScope();
let browser: Browser;
/** A run without end, for all who do not mind each other. */
let shared: Cluster;
beforeAll(async () => {
  if (noBrowser !== undefined) return;
  shared = await newCluster(scope, { workers: 0, flags: endlessRun });
  // The machine's own name, which is not in every resolver: http there is no secure context.
  const rule = `MAP ${hostname()} 127.0.0.1`;
  browser = await launchBrowser(scope, { args: [`--host-resolver-rules=${rule}`] });
});
afterAll(close);

describe.skipIf(noBrowser)('the page to join', () => {
  it('says what it would compute and for whom, and computes nothing before a click', async (t) => {
    const { coordinator, url, waitForWorker } = shared;
    const page = await openTab(t, browser, `${url}/join`);
    const lead = await page.getByText(/This page will compute/).textContent();
    expect(lead).toMatch(/25,450 weights.* handwritten digits \(MNIST\) from 2,048 images\./);
    expect(lead).toMatch(/for the run mnist-\w+ of 127\.0\.0\.1, as its first device/);
    expect(coordinator.stdout).not.toContain('"joined"');
    await page.getByLabel('Your name').fill('Ada');
    await page.keyboard.press('Enter');
    expect(await waitForWorker('Ada', 'ready')).toMatchObject({ kind: 'tab' });
  });

  it('shows its speed, its share, its engine and the curve, and hands all back on Leave', async (t) => {
    const { url, waitForWorker } = shared;
    const page = await startTab(t, browser, url, 'Ben');
    await page.getByText(/^(?!0\.00)[\d.]+ %$/).waitFor();
    await page.getByText(/you computed of epoch \d+/).waitFor();
    await page.getByRole('img', { name: /Training loss: \d\.\d\d at first/ }).waitFor();
    await page.getByText(/Computes with \w+:\w+/).click();
    await page.getByText(/samples\/s, error \S+ against the reference/).waitFor();
    await page.getByRole('button', { name: 'Leave' }).click();
    await page.getByRole('heading', { name: 'You left the run.' }).waitFor();
    expect((await waitForWorker('Ben', 'left')).reason).toBe('its user left');
  });

  it('starts by itself when the link says so, with the name and the engine in it', async (t) => {
    const { url, waitForWorker } = shared;
    await openTab(t, browser, `${url}/join#autostart&name=Cleo&engine=reference`);
    expect((await waitForWorker('Cleo', 'ready')).engine).toBe('reference:float64');
  });

  it('works where there is no secure context', async (t) => {
    const { coordinator, port, waitForWorker } = shared;
    const page = await startTab(t, browser, `http://${hostname()}:${port}`, 'phone');
    expect(await page.evaluate('isSecureContext')).toBe(false);
    const { worker } = await waitForWorker('phone', 'ready');
    await coordinator.waitForEvent('step', ({ contributions = {} }) => contributions[worker] > 0);
  });

  it('tells how the run ended', async (t) => {
    const { url, end } = await newCluster(t, { workers: 0, flags: [...quickRun, '--epochs=2'] });
    const page = await startTab(t, browser, url, 'Ada');
    expect((await end()).reason).toBe('completed');
    await page.getByRole('heading', { name: 'The run is finished.' }).waitFor();
    await page.getByText(/right about \d+\.\d % of images it has never seen/).waitFor();
  });

  it('waits for a coordinator that was killed, and goes on when it is back', async (t) => {
    const { coordinator, url, port, runDirectory } = await newCluster(t, {
      workers: 0,
      flags: endlessRun,
    });
    const page = await startTab(t, browser, url, 'Ada');
    await coordinator.waitForEvent('step');
    coordinator.kill('SIGKILL');
    await page.getByRole('status').getByText('The coordinator is away').waitFor();
    const again = await newCluster(t, { workers: 0, flags: [`--resume=${runDirectory}`], port });
    await again.waitForWorker('Ada', 'ready');
    await page.getByRole('status').getByText('Training').waitFor();
  });

  it('lets in who has the link, over TLS as well, and nobody else', async (t) => {
    const guarded = ['--host=0.0.0.0', '--tls=self-signed'];
    const { runDirectory, url, waitForWorker } = await newCluster(t, {
      workers: 0,
      flags: [...endlessRun, ...guarded],
    });
    const { links } = JSON.parse(await readFile(join(runDirectory, 'links.json'), 'utf8'));
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    t.onTestFinished(() => context.close());
    const guest = await context.newPage();
    await guest.goto(links.join);
    expect(await guest.evaluate('isSecureContext')).toBe(true);
    await guest.getByLabel('Your name').fill('Ada');
    await guest.getByRole('button', { name: 'Start' }).click();
    expect(await waitForWorker('Ada', 'ready')).toMatchObject({ kind: 'tab' });
    for (const fragment of ['', `#t=${'a'.repeat(26)}`]) {
      const stranger = await context.newPage();
      await stranger.goto(`${url}/join${fragment}`);
      await stranger.getByText('The coordinator sent this device away.').waitFor();
    }
  });

  it('says why it cannot take part', async (t) => {
    const flags = [...endlessRun, '--only-engine=onnx'];
    const { url } = await newCluster(t, { workers: 0, flags });
    const page = await startTab(t, browser, url, 'Ada');
    await page.getByRole('heading', { name: 'This device cannot go on.' }).waitFor();
    await page.getByText('The run asks for the engine onnx:cpu, which browsers do not').waitFor();
  });
});
