// The page of a coordinator that is not ready yet, in a real browser: a link that was opened too early is not lost.
import { expect, it } from 'vitest';
import { openGate } from '../../coordinator/gate.ts';
import { defaultLimits } from '../../coordinator/limits.ts';
import { openPort } from '../../coordinator/open-port.ts';
import { startServer } from '../../coordinator/server.ts';
import { Starting } from '../../coordinator/starting.ts';
import { launchBrowser, noBrowser, openTab } from './chromium.ts';

it.skipIf(noBrowser)(
  'loads itself again, token and all, until there is the one asked for',
  async (t) => {
    const address = { host: '127.0.0.1', port: 0, limits: defaultLimits };
    const starting = new Starting();
    void starting.during('data', new Promise(() => undefined));
    const at = await openPort(address, starting.answer);
    const url = `http://127.0.0.1:${at.port}/join#t=abc`;
    const page = await openTab(t, await launchBrowser(t), url);
    expect(await page.textContent('p')).toBe('It reads the data. This page goes on by itself.');
    const server = await startServer({
      ...address,
      at,
      gate: openGate,
      maxPayloadBytes: 0,
      routes: [
        {
          path: '/join',
          answer: ({ response }) => {
            response.setHeader('content-type', 'text/html').end('<p>Here is the run.</p>');
          },
        },
      ],
      onRefused: () => undefined,
    });
    t.onTestFinished(() => server.close());
    await page.getByText('Here is the run.').waitFor();
    expect(page.url()).toBe(url);
  },
);
