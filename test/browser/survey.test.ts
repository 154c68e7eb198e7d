// `--sync auto` with a tab: it is measured before the run begins, comes back by itself, and trains.
import { expect, it } from 'vitest';
import { freePort } from '../../coordinator/free-port.ts';
import { endlessRun, startTutti } from '../support.ts';
import { launchBrowser, noBrowser, startTab } from './chromium.ts';

it.skipIf(noBrowser)('measures the line of a tab, which then takes part in the run', async (t) => {
  const port = await freePort('127.0.0.1', 0);
  const words = ['coordinator', '--json', '--sync=auto', '--expect-workers=1', `--port=${port}`];
  const coordinator = startTutti(t, [...words, ...endlessRun]);
  await coordinator.waitForText(/^Waiting for 1 worker, to measure/m);
  const browser = await launchBrowser(t);
  const page = await startTab(t, browser, `http://127.0.0.1:${port}`, 'tablet');
  const { message } = await coordinator.waitForEvent('notice', (n) => /^Measured/.test(n.message));
  expect(message).toMatch(/^Measured \d.* up, \d.* down, .* samples\/s \(tablet\): /);
  await coordinator.waitForEvent(
    'worker',
    ({ name, action }) => `${name} ${action}` === 'tablet ready',
  );
  await coordinator.waitForEvent('step');
  await page.getByText('Training', { exact: true }).waitFor();
});
