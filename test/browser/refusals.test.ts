// What a page may not do, tried from pages of a real browser.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openScope } from '../siege.ts';
import { type Cluster, endlessRun, newCluster } from '../support.ts';
import { launchBrowser, noBrowser, openTab } from './chromium.ts';
import { serveElsewhere } from './other-site.ts';

const { scope, close } = openScope();
let browser: Browser;
let cluster: Cluster;
beforeAll(async () => {
  if (noBrowser !== undefined) return;
  browser = await launchBrowser(scope);
  cluster = await newCluster(scope, { workers: 1, flags: endlessRun });
});
afterAll(close);

/** In a page: opens a WebSocket, sends so many bytes, and says how it ends. */
const wayOut = (url: string, bytes: number) => `new Promise((resolve) => {
  const socket = new WebSocket('${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket');
  socket.onopen = () => socket.send(new Uint8Array(${bytes}));
  socket.onclose = ({ code, wasClean }) => resolve({ code, wasClean });
})`;

describe.skipIf(noBrowser)('a page', () => {
  it('that sends a frame larger than any gradient is cut off, and the run goes on', async (t) => {
    const page = await openTab(t, browser, `${cluster.url}/join`);
    expect(await page.evaluate(wayOut(cluster.url, 4_000_000))).toMatchObject({ code: 1009 });
    const { seq } = cluster.coordinator.eventsSoFar().at(-1)!;
    await cluster.coordinator.waitForEvent('step', (step) => step.seq > seq);
  });

  it('of another site gets no connection, and the terminal tells of it', async (t) => {
    const page = await openTab(
      t,
      browser,
      await serveElsewhere(t, () => '<title>elsewhere</title>'),
    );
    expect(await page.evaluate(wayOut(cluster.url, 1))).toEqual({ code: 1006, wasClean: false });
    await cluster.coordinator.waitForEvent('notice', ({ message }) =>
      message.includes('its page was loaded from another site'),
    );
  });

  it('of ours runs no script of its own text and asks nobody else for anything', async (t) => {
    const page = await openTab(t, browser, `${cluster.url}/join`);
    await page.evaluate(`
      document.body.append(Object.assign(document.createElement('script'), { text: 'ran = 1' }));
    `);
    expect(await page.evaluate('typeof ran')).toBe('undefined');
    const elsewhere = await serveElsewhere(t, () => '<title>elsewhere</title>');
    expect(await page.evaluate(`fetch('${elsewhere}').catch(() => 'refused')`)).toBe('refused');
  });
});
