// The example page, served from another site than the coordinator's.
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { endlessRun, newCluster } from '../support.ts';
import { launchBrowser, noBrowser, openTab } from './chromium.ts';
import { serveElsewhere } from './other-site.ts';

const example = await readFile(new URL('../../examples/embed.html', import.meta.url), 'utf8');

it.skipIf(noBrowser)(
  'a page of another site takes part, where its site is allowed to',
  async (t) => {
    let page = '';
    const site = await serveElsewhere(t, () => page);
    const flags = [...endlessRun, `--allow-origin=${site}`];
    const { coordinator, url, waitForWorker } = await newCluster(t, { workers: 0, flags });
    page = example.replace('http://127.0.0.1:7070', url);
    const tab = await openTab(t, await launchBrowser(t), site);
    const { kind, worker } = await waitForWorker('my page', 'ready');
    expect(kind).toBe('tab');
    await coordinator.waitForEvent('step', ({ contributions = {} }) => contributions[worker] > 0);
    await tab.getByText(/^[1-9]\d* samples$/).waitFor();
  },
);
