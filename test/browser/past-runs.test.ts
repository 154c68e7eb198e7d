// Past runs in a browser: beside the one that trains, and in a dashboard where none does.
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listRuns } from '../../coordinator/run-list.ts';
import { openScope } from '../siege.ts';
import {
  endlessRun,
  newCluster,
  quickRun,
  runTutti,
  startTutti,
  temporaryFolder,
} from '../support.ts';
import { expectAccessible } from './accessibility.ts';
import { launchBrowser, noBrowser, openTab } from './chromium.ts';
import { pinch } from './pinch.ts';
import { stroke } from './stroke.ts';

const { scope, close } = openScope();
let browser: Browser;
/** Holds `runs/` with two that are finished. */
let cwd: string;
/** The older one first. */
let names: readonly string[];
/** Of a dashboard. */
let url: string;
beforeAll(async () => {
  if (noBrowser !== undefined) return;
  browser = await launchBrowser(scope);
  cwd = temporaryFolder(scope);
  for (const flags of [
    ['--epochs=3', '--seed=1'],
    ['--epochs=3', '--seed=1', '--lr=0.05'],
  ]) {
    const words = ['train', '--json', '--workers=1', '--port=0', ...quickRun, ...flags];
    expect(await runTutti(scope, words, { cwd })).toMatchObject({ status: 0 });
  }
  const runs = await listRuns(`${cwd}/runs`);
  names = runs.flatMap((run) => (run.state === 'finished' ? [run.folder.id] : [])).toReversed();
  const dashboard = startTutti(scope, ['dashboard', '--json', '--port=0'], { cwd });
  await dashboard.waitForText(/\}\n/);
  url = JSON.parse(dashboard.stdout).url;
});
afterAll(close);

describe.skipIf(noBrowser)('the page of a run', () => {
  it('draws past runs beside it, along steps, epochs and time, and tells what differs', async (t) => {
    const flags = [...endlessRun, '--seed=1'];
    const live = await newCluster(t, { cwd, flags });
    await live.coordinator.waitForEvent('epoch');
    const page = await openTab(t, browser, live.url);
    await choose(page, ...names);
    const legend = page.getByRole('list', { name: 'Runs that are drawn' });
    await expect.poll(() => legend.getByRole('listitem').count()).toBe(3);
    for (const axis of ['step', 'epoch', 'time']) {
      await page.getByRole('radio', { name: axis }).check();
      // The oldest comes second in the list.
      for (const place of [0, 1]) {
        await expect.poll(() => pixelsOf(page, place), { message: axis }).toBeGreaterThan(20);
      }
    }
    const differences = page.getByRole('region', { name: 'What differs' }).getByRole('row');
    expect(await differences.allTextContents()).toEqual([
      expect.stringContaining('mnist-'),
      'epochs10000033',
      'optimizer.learningRate0.10.050.1',
    ]);
    await page.getByRole('checkbox', { name: `Draw ${names[0]}` }).uncheck();
    await expect.poll(() => pixelsOf(page, 1)).toBe(0);
    expect(await pixelsOf(page, 0)).toBeGreaterThan(20);
  });
});

describe.skipIf(noBrowser)('the dashboard', () => {
  it('lists the runs, opens one, and reads what is drawn with its last weights', async (t) => {
    const page = await openTab(t, browser, url);
    await page.getByRole('heading', { name: /^\d runs$/ }).waitFor();
    await page.getByRole('link', { name: names[0] }).click();
    await page.getByText('Finished', { exact: true }).waitFor();
    expect(await page.locator('.ledger').textContent()).toBe('seen2,048 of 2,048lost0twice0');
    expect(await page.locator('.hashes tbody tr').count()).toBe(3);
    await page.getByRole('heading', { name: 'Where it errs' }).waitFor();
    const sketch = page.getByLabel('Draw here');
    await sketch.scrollIntoViewIfNeeded();
    await page.getByText('Read in this page with the weights after step 96.').waitFor();
    await stroke(page, sketch, [
      [0.5, 0.15],
      [0.5, 0.85],
    ]);
    await page.getByText(/It reads \d, \d+\.\d % sure/).waitFor();
    await page.getByRole('link', { name: 'All runs' }).click();
    await page.getByRole('heading', { name: /^\d runs$/ }).waitFor();
  });

  it('draws runs beside each other, and hands out their files', async (t) => {
    const page = await openTab(t, browser, url);
    await choose(page, ...names);
    for (const place of [0, 1]) {
      await expect.poll(() => pixelsOf(page, place)).toBeGreaterThan(20);
    }
    await page.getByText('7 files').first().click();
    const download = page.waitForEvent('download');
    await page.getByRole('link', { name: 'config.json' }).first().click();
    expect((await download).suggestedFilename()).toBe(`${names[1]}-config.json`);
  });

  it('keeps in its address what it draws, each in its colour', async (t) => {
    const page = await openTab(t, browser, `${url}/?run=nothing#t=none`);
    await choose(page, ...names);
    expect(page.url()).toBe(`${url}/?run=nothing&beside=${names[1]},${names[0]}#t=none`);
    // The colour of the newest one, which was chosen first, is free now.
    await page.getByRole('checkbox', { name: `Draw ${names[1]}` }).uncheck();
    expect(page.url()).toBe(`${url}/?run=nothing&beside=,${names[0]}#t=none`);
    const copy = await openTab(t, browser, page.url());
    await expect.poll(() => pixelsOf(copy, 1)).toBeGreaterThan(20);
    expect(await pixelsOf(copy, 0)).toBe(0);
    const drawn = copy.getByRole('checkbox', { checked: true });
    expect(await drawn.getAttribute('aria-label')).toBe(`Draw ${names[0]}`);
    await page.getByRole('checkbox', { name: `Draw ${names[0]}` }).uncheck();
    expect(page.url()).toBe(`${url}/?run=nothing#t=none`);
  });

  it('says which run of its address there is none of', async (t) => {
    const page = await openTab(t, browser, `${url}/?beside=${names[0]},elsewhere`);
    await expect.poll(() => pixelsOf(page, 0)).toBeGreaterThan(20);
    await page.getByText('There is no run elsewhere here.').waitFor();
  });

  it('can be used by everybody, by day and by night', async (t) => {
    const page = await openTab(t, browser, `${url}/?run=${names[0]}`);
    await choose(page, names[1]);
    await expectAccessible(page);
  });

  it('zooms under two fingers, which keep what they lie on', async (t) => {
    const context = await browser.newContext({
      hasTouch: true,
      viewport: { width: 390, height: 844 },
    });
    t.onTestFinished(() => context.close());
    const page = await context.newPage();
    await page.goto(`${url}/?run=${names[0]}`);
    const chart = page.locator('.u-over').first();
    await chart.waitFor();
    const all = page.getByRole('button', { name: 'Show all' });
    expect(await all.isDisabled()).toBe(true);
    const before = await chartPicture(page);
    // From a fifth of its width apart to three fifths, around its middle.
    await pinch(page, await boxOf(chart), [0.4, 0.6], [0.2, 0.8]);
    await expect.poll(() => all.isDisabled()).toBe(false);
    expect(await chartPicture(page)).not.toBe(before);
    await all.click();
    await expect.poll(() => chartPicture(page)).toBe(before);
  });
});

async function choose(page: Page, ...runs: readonly string[]): Promise<void> {
  // The newest first, as they are listed.
  for (const run of runs.toReversed()) {
    await page.getByRole('checkbox', { name: `Draw ${run}` }).check();
    await page
      .getByRole('list', { name: 'Runs that are drawn' })
      .getByText(run.slice(16))
      .waitFor();
  }
}

async function boxOf(locator: Locator) {
  return (await locator.boundingBox())!;
}

function chartPicture(page: Page): Promise<string> {
  return page.evaluate(`document.querySelector('.plot canvas').toDataURL()`);
}

/** Of all charts, in the colour of this place. */
function pixelsOf(page: Page, place: number): Promise<number> {
  return page.evaluate(`(() => {
    const name = '--run-${place}';
    const colour = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
    let count = 0;
    for (const canvas of document.querySelectorAll('.plot canvas')) {
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      for (let at = 0; at < data.length; at += 4) {
        const isMeant = data[at] === red && data[at + 1] === green && data[at + 2] === blue;
        if (isMeant && data[at + 3] === 255) count++;
      }
    }
    return count;
  })()`);
}
