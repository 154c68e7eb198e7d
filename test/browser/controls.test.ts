// The controls on the page of a run, as an administrator presses them.
import { join } from 'node:path';
import axe from 'axe-core';
import type { Browser, Dialog, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readLinks } from '../../coordinator/run-links.ts';
import { linkTo } from '../../shared/join-link.ts';
import { openScope } from '../siege.ts';
import { endlessRun, newCluster } from '../support.ts';
import { launchBrowser, noBrowser, openTab, startTab } from './chromium.ts';

const { scope, close } = openScope();
let browser: Browser;
beforeAll(async () => {
  if (noBrowser === undefined) browser = await launchBrowser(scope);
});
afterAll(close);

/** What the page asks next is answered so. */
function answerNext(page: Page, answer: (dialog: Dialog) => Promise<void>): void {
  page.once('dialog', (dialog) => void answer(dialog));
}

describe.skipIf(noBrowser)('the controls of a page', () => {
  it('steer the run: by keys, with a word on what was done, and its end only when confirmed', async (t) => {
    const { coordinator, url, addWorker } = await newCluster(t, { workers: 0, flags: endlessRun });
    addWorker('--name=steady');
    const page = await openTab(t, browser, url);
    const controls = page.getByRole('region', { name: 'Controls' });
    await coordinator.waitForEvent('step');

    await controls.getByRole('button', { name: 'Pause' }).focus();
    await page.keyboard.press('Enter');
    const state = page.locator('.state');
    await state.getByText('Paused by the administrator').waitFor();
    await controls.getByText('The administrator paused the run.').waitFor();
    await controls.getByLabel('learning rate').fill('0.05');
    await page.keyboard.press('Enter');
    await controls.getByText(/set the learning rate to 0\.05 from step [\d,]+ on\./).waitFor();
    await controls.getByRole('button', { name: 'Resume' }).click();
    await coordinator.waitForEvent('step', ({ learningRate }) => learningRate === 0.05);
    await controls.getByRole('button', { name: 'Checkpoint now' }).click();
    await controls.getByText('The administrator asked for a checkpoint.').waitFor();

    const stop = controls.getByRole('button', { name: 'Stop the run' });
    answerNext(page, (dialog) => dialog.dismiss());
    await stop.click();
    const { seq } = coordinator.eventsSoFar().at(-1)!;
    await coordinator.waitForEvent('step', (step) => step.seq > seq);
    answerNext(page, (dialog) => dialog.accept());
    await stop.click();
    expect(await coordinator.exit).toBe(130);
    await state.getByText('Stopped').waitFor();
    await controls.waitFor({ state: 'detached' });
  });

  it('send a tab away, which says why', async (t) => {
    const { url } = await newCluster(t, { workers: 1, flags: endlessRun });
    const page = await openTab(t, browser, url);
    const tab = await startTab(t, browser, url, 'Eve');
    answerNext(page, (dialog) => dialog.accept('for a demonstration'));
    await page.getByRole('button', { name: 'Expel Eve' }).click();
    await tab.getByText('The coordinator sent this device away.').waitFor();
    await tab.getByText('the administrator sent it away: for a demonstration.').waitFor();
    const log = page.getByRole('region', { name: 'Events' });
    await log.getByText('The administrator expelled Eve: for a demonstration').waitFor();
    await page.getByRole('button', { name: 'Expel Eve' }).waitFor({ state: 'detached' });
  });

  it('are there for the link to administer alone, and for everybody who may use it', async (t) => {
    const { runDirectory, port } = await newCluster(t, {
      workers: 0,
      flags: [...endlessRun, '--host=0.0.0.0'],
    });
    const { tokens } = readLinks(join(runDirectory, 'links.json'))!;
    const address = `http://127.0.0.1:${port}`;
    const page = await openTab(t, browser, linkTo(address, '/', tokens.administer));
    await page.getByRole('button', { name: 'Pause' }).waitFor();
    await page.setViewportSize({ width: 390, height: 844 });
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    await page.evaluate(axe.source);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      const { violations } = (await page.evaluate('axe.run(".controls")')) as axe.AxeResults;
      expect(violations.map(({ id }) => id)).toEqual([]);
    }
    for (const token of [tokens.watch, tokens.work]) {
      const other = await openTab(t, browser, linkTo(address, '/', token));
      const answer = other.waitForResponse((response) => response.url().endsWith('/controls'));
      await other.reload();
      expect((await answer).status()).toBe(403);
      expect(await other.getByRole('button', { name: 'Pause' }).count()).toBe(0);
    }
  });
});
