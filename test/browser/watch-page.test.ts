// The page / as somebody sees it who watches a run.
import { join } from 'node:path';
import { decode } from 'fast-png';
import jsqr from 'jsqr';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readLinks } from '../../coordinator/run-links.ts';
import { linkTo } from '../../shared/join-link.ts';
import { openScope } from '../siege.ts';
import { type Cluster, endlessRun, newCluster } from '../support.ts';
import { expectAccessible } from './accessibility.ts';
import { launchBrowser, noBrowser, openTab } from './chromium.ts';
import { stroke } from './stroke.ts';

const { scope, close } = openScope();
let browser: Browser;
/** Without end, and not so many epochs that there is more to draw than of any real run. */
const flags = ['--train-samples=4096', '--test-samples=500', '--hidden=32', '--epochs=100000'];

/** A run without end, which has learned something. */
let shared: Cluster;
beforeAll(async () => {
  if (noBrowser !== undefined) return;
  shared = await newCluster(scope, { workers: 1, flags });
  browser = await launchBrowser(scope);
  await shared.coordinator.waitForEvent('epoch', ({ testAccuracy }) => testAccuracy > 0.8);
});
afterAll(close);

describe.skipIf(noBrowser)('the page of a run', () => {
  it('shows where the run is, and its curves move', async (t) => {
    const page = await openTab(t, browser, shared.url);
    await page.getByText('Training', { exact: true }).waitFor();
    const picture = () => page.evaluate(`document.querySelector('.plot canvas').toDataURL()`);
    await page.getByRole('progressbar', { name: 'steps of this epoch' }).waitFor();
    const before = await picture();
    await expect.poll(picture, { timeout: 20_000 }).not.toBe(before);
    await page
      .getByText(/^\d\d\.\d\d %$/)
      .first()
      .waitFor();
    expect(await page.locator('.ledger').textContent()).toMatch(/lost0twice0$/);
  });

  it('marks where checkpoints fell, whatever signs the fonts have', async (t) => {
    const page = await openTab(t, browser, shared.url);
    await page.locator('.marks .mark').nth(4).waitFor();
    await page.locator('.plot canvas').first().waitFor();
    await expect.poll(() => colouredPixels(page, '--cool')).toBeGreaterThan(20);
  });

  it('draws the trend of a curve along steps, epochs and time', async (t) => {
    const page = await openTab(t, browser, shared.url);
    await page.locator('.plot canvas').first().waitFor();
    for (const axis of ['step', 'epoch', 'time']) {
      await page.getByRole('radio', { name: axis, exact: true }).check();
      await expect
        .poll(() => colouredPixels(page, '--accent'), { message: axis })
        .toBeGreaterThan(20);
    }
  });

  it('opens the images of a cell of the confusion matrix', async (t) => {
    const page = await openTab(t, browser, shared.url);
    // What comes later would move the cell away.
    await page.getByRole('img', { name: 'Training image 29' }).scrollIntoViewIfNeeded();
    await page.getByText(/with the weights after step/).waitFor();
    // Of the right answers: an error may be unlearned before its images are here.
    await page.locator('.matrix .right:enabled').first().click();
    const title = await page.getByRole('heading', { name: / read as / }).textContent();
    const [, label, answer] = /^(\d) read as (\d)$/.exec(title!)!;
    await page.getByRole('button', { name: `${title}:`, pressed: true }).waitFor();
    const image = page.getByRole('img', { name: `: a ${label}, read as ${answer}` }).first();
    await image.waitFor();
    // The next evaluation may be just replacing it.
    await expect.poll(() => lightPixels(page, '.examples canvas')).toBeGreaterThan(20);
  });

  it('reads a drawn 7', async (t) => {
    const page = await openTab(t, browser, shared.url);
    const sketch = page.getByLabel('Draw here');
    await sketch.scrollIntoViewIfNeeded();
    await page.getByText(/with the weights after step/).waitFor();
    await stroke(page, sketch, [
      [0.25, 0.2],
      [0.75, 0.2],
      [0.45, 0.85],
    ]);
    await page.getByText(/It reads 7, \d+\.\d % sure/).waitFor();
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByText('Nothing is drawn yet.').waitFor();
  });

  it('shows a QR code that leads to the page to join', async (t) => {
    const page = await openTab(t, browser, shared.url);
    const code = decode(await page.getByRole('img', { name: /QR code/ }).screenshot());
    const pixels = Uint8ClampedArray.from({ length: 4 * code.width * code.height }, (_, at) =>
      at % 4 === 3 ? 255 : code.data[Math.floor(at / 4) * code.channels + (at % 4)],
    );
    expect(jsqr.default(pixels, code.width, code.height)?.data).toBe(`${shared.url}/join`);
  });

  it('copies the command to take part, also where the clipboard is refused', async (t) => {
    const page = await openTab(t, browser, shared.url);
    const button = page.getByRole('button', { name: 'Copy the command' });
    await button.click();
    await page.getByText('Copied', { exact: true }).waitFor();
    const words = page.getByLabel('Words in the log');
    await words.focus();
    await page.keyboard.press('Control+V');
    expect(await words.inputValue()).toBe(`npx tutti worker ${shared.url}`);
  });

  it('filters what happened', async (t) => {
    const page = await openTab(t, browser, shared.url);
    const log = page.getByRole('region', { name: 'Events' });
    await log
      .getByText(/ Epoch \d/)
      .first()
      .waitFor();
    await page.getByRole('checkbox', { name: 'epochs' }).uncheck();
    await page.getByRole('checkbox', { name: 'checkpoints' }).uncheck();
    await expect.poll(() => log.getByText(/^\S+ Epoch /).count()).toBe(0);
    await page.getByLabel('Words in the log').fill('is READY');
    await expect.poll(() => log.getByRole('listitem').count()).toBe(1);
  });

  it('goes on after its coordinator was killed, with nothing doubled', async (t) => {
    const { coordinator, url, port, runDirectory } = await newCluster(t, {
      workers: 1,
      flags: endlessRun,
    });
    const page = await openTab(t, browser, url);
    await coordinator.waitForEvent('epoch', ({ epoch }) => epoch === 3);
    await page.locator('.hashes').getByText('3', { exact: true }).waitFor();
    coordinator.kill('SIGKILL');
    await page.getByText('Connection lost.').waitFor();
    await newCluster(t, { workers: 0, flags: [`--resume=${runDirectory}`], port });
    await page.getByText('Connection lost.').waitFor({ state: 'detached' });
    const epochs = async () => {
      const texts = await page.locator('.hashes tbody td:first-child').allTextContents();
      return texts.map(Number);
    };
    await expect.poll(async () => (await epochs())[0], { timeout: 30_000 }).toBeGreaterThan(4);
    const told = await epochs();
    expect(told).toEqual(Array.from(told, (_, at) => told.length - at));
  });

  it('can be read where the system has no language', async (t) => {
    const context = await browser.newContext();
    t.onTestFinished(() => context.close());
    // As Chromium calls it where LANG is C.
    await context.addInitScript(
      `Object.defineProperty(navigator, 'language', { value: 'en-US@posix' })`,
    );
    const page = await context.newPage();
    await page.goto(shared.url);
    await page.locator('.plot canvas').first().waitFor();
  });

  it('can be used by everybody, by day and by night', async (t) => {
    const page = await openTab(t, browser, shared.url);
    await page.locator('.matrix .wrong:enabled').first().click();
    await expectAccessible(page);
  });

  it('shows a run to those who have a link, and the way in to those who may compute', async (t) => {
    const { runDirectory, port } = await newCluster(t, {
      workers: 0,
      flags: [...endlessRun, '--host=0.0.0.0'],
    });
    const { tokens } = readLinks(join(runDirectory, 'links.json'))!;
    const address = `http://127.0.0.1:${port}`;
    const stranger = await openTab(t, browser, address);
    await stranger.getByText(/Ask whoever runs the training for a link/).waitFor();
    const watcher = await openTab(t, browser, linkTo(address, '/', tokens.watch));
    await watcher.getByText('Your link is for watching.').waitFor();
    const administrator = await openTab(t, browser, linkTo(address, '/', tokens.administer));
    const link = administrator.getByRole('link', { name: `${address}/join` });
    expect(await link.getAttribute('href')).toBe(linkTo(address, '/join', tokens.work));
    expect(await administrator.locator('.join').textContent()).not.toContain(tokens.administer);
  });

  it('asks nobody but its coordinator for anything', async (t) => {
    const context = await browser.newContext();
    t.onTestFinished(() => context.close());
    const page = await context.newPage();
    const asked: string[] = [];
    const complaints: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', ({ message }) => complaints.push(message));
    await page.goto(shared.url);
    await page.getByLabel('Draw here').scrollIntoViewIfNeeded();
    await page.getByText(/with the weights after step/).waitFor();
    expect(asked.length).toBeGreaterThan(5);
    expect(asked.filter((address) => !address.startsWith(`${shared.url}/`))).toEqual([]);
    expect(complaints).toEqual([]);
  });
});

/** Of exactly this colour in the chart of the train loss. */
function colouredPixels(page: Page, colour: string): Promise<number> {
  return page.evaluate(`(() => {
    const hex = getComputedStyle(document.documentElement).getPropertyValue('${colour}').trim();
    const wanted = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
    const canvas = document.querySelector('.plot canvas');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let at = 0; at < data.length; at += 4) {
      if (wanted.every((value, channel) => data[at + channel] === value)) count++;
    }
    return count;
  })()`);
}

/** Of a canvas; none while there is none. */
function lightPixels(page: Page, selector: string): Promise<number> {
  return page.evaluate(`(() => {
    const canvas = document.querySelector('${selector}');
    if (canvas === null) return 0;
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return data.filter((value, at) => at % 4 === 0 && value > 128).length;
  })()`);
}
