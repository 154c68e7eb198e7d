// Pictures of the page of a run, for people to look at: npx tsx test/browser/watch-pictures.ts FOLDER
// Those in the README are three of them.
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { openScope } from '../siege.ts';
import { newCluster, runTutti, startTutti, temporaryFolder } from '../support.ts';
import { launchBrowser } from './chromium.ts';
import { stroke } from './stroke.ts';

const [folder = 'screenshots'] = process.argv.slice(2);

/** As a projector shows it, as it is at night, and what a phone shows without scrolling. */
const looks = [
  { name: 'light', viewport: { width: 1280, height: 800 }, colorScheme: 'light' },
  { name: 'dark', viewport: { width: 1280, height: 800 }, colorScheme: 'dark' },
  { name: 'phone', viewport: { width: 390, height: 844 }, colorScheme: 'light' },
] as const;

const { scope, close } = openScope();
try {
  const flags = ['--shards=8', '--train-samples=20000', '--hidden=128,64'];
  const cwd = temporaryFolder(scope);
  for (const other of ['--lr=0.05', '--optimizer=adam', '--hidden=32']) {
    const words = ['train', '--json', '--port=0', '--epochs=5', ...flags, other];
    await runTutti(scope, words, { cwd });
  }
  const dashboard = startTutti(scope, ['dashboard', '--json', '--port=0'], { cwd });
  await dashboard.waitForText(/\}\n/);
  const { coordinator, url } = await newCluster(scope, {
    workers: 3,
    flags: [...flags, '--epochs=20'],
    cwd,
  });
  const browser = await launchBrowser(scope);
  await coordinator.waitForEvent('epoch', ({ epoch }) => epoch === 4);
  for (const { name, ...options } of looks) {
    const page = await browser.newPage(options);
    await page.goto(url);
    await showAll(page);
    await page.evaluate('scrollTo(0, 0)');
    await page.screenshot({ path: join(folder, `watch-${name}.png`) });
    const learned = page.locator('.learned');
    await learned.screenshot({ path: join(folder, `learned-${name}.png`) });
    await choosePast(page);
    await page.screenshot({ path: join(folder, `beside-${name}.png`), fullPage: true });
    await page.goto(JSON.parse(dashboard.stdout).url);
    await choosePast(page);
    await page.screenshot({ path: join(folder, `dashboard-${name}.png`), fullPage: true });
    await page
      .getByRole('link', { name: /-mnist-/ })
      .nth(1)
      .click();
    await page.getByLabel('Draw here').scrollIntoViewIfNeeded();
    await page.getByText(/with the weights after step/).waitFor();
    await page.screenshot({ path: join(folder, `opened-${name}.png`), fullPage: true });
    await page.close();
  }
  const page = await browser.newPage(looks[0]);
  await page.goto(url);
  await page.getByText('Training', { exact: true }).waitFor();
  coordinator.kill('SIGKILL');
  await page.getByText('Connection lost.').waitFor();
  await page.screenshot({ path: join(folder, 'watch-away.png') });
} finally {
  await close();
}

/** All that are not on screen. */
async function choosePast(page: Page): Promise<void> {
  const boxes = page.getByRole('row', { name: /finished/ }).getByRole('checkbox');
  await boxes.first().waitFor();
  const chosen = await boxes.all();
  for (const box of chosen) await box.check();
  const drawn = page.getByRole('list', { name: 'Runs that are drawn' }).getByRole('listitem');
  await drawn
    .filter({ hasNotText: 'this run' })
    .nth(chosen.length - 1)
    .waitFor();
  // The curves follow their names.
  await page.waitForTimeout(500);
}

/** A digit is drawn, and a cell of the matrix is open. */
async function showAll(page: Page): Promise<void> {
  const sheet = page.getByLabel('Draw here');
  await sheet.scrollIntoViewIfNeeded();
  await page.getByText(/with the weights after step/).waitFor();
  await stroke(page, sheet, [
    [0.28, 0.25],
    [0.72, 0.25],
    [0.45, 0.8],
  ]);
  await page.getByText(/It reads \d/).waitFor();
  await page.locator('.matrix .wrong:enabled').nth(3).click();
  await page.locator('.examples canvas').first().waitFor();
}
