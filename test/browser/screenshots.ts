// Pictures of the pages in their states, for people to look at: npx tsx test/browser/screenshots.ts FOLDER
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { openScope } from '../siege.ts';
import { newCluster, type TestScope } from '../support.ts';
import { launchBrowser } from './chromium.ts';

const [folder = 'screenshots'] = process.argv.slice(2);

const sizes = { phone: { width: 390, height: 844 }, laptop: { width: 1366, height: 768 } };
const colorSchemes = ['light', 'dark'] as const;

interface Look {
  readonly name: string;
  readonly page: Page;
}

const { scope, close } = openScope();
try {
  const browser = await launchBrowser(scope);
  const endless = await newCluster(scope, { workers: 0, flags: ['--epochs=20', '--shards=8'] });
  const looks = await openLooks(scope, browser, `${endless.url}/join`);
  await shoot(looks, 'offer', (page) => page.getByRole('button', { name: 'Start' }).waitFor());
  await shoot(looks, 'training', async (page) => {
    await page.getByLabel('Your name').fill('Ada');
    await page.getByRole('button', { name: 'Start' }).click();
    await page.getByText(/^(?!0\.00)[\d.]+ %$/).waitFor();
    await page.getByRole('img').waitFor();
  });
  await shoot(looks, 'engine', (page) => page.getByText(/Computes with/).click());
  await shoot(looks, 'paused', (page) => page.getByRole('button', { name: 'Pause' }).click());
  for (const { page } of looks) await page.getByRole('button', { name: 'Go on' }).click();
  endless.coordinator.kill('SIGKILL');
  await shoot(looks, 'away', (page) => page.getByText('Nobody answers').waitFor());
  await shoot(looks, 'left', async (page) => {
    await page.getByRole('button', { name: 'Leave' }).click();
    await page.getByRole('heading', { name: 'You left the run.' }).waitFor();
  });

  const short = await newCluster(scope, {
    workers: 1,
    flags: ['--epochs=2', '--train-samples=2000', '--max-steps=50'],
  });
  const ends = await openLooks(scope, browser, `${short.url}/join#autostart`);
  await shoot(ends, 'finished', (page) => page.getByText(/The run is finished/).waitFor());
} finally {
  await close();
}

async function openLooks(t: TestScope, browser: Browser, address: string): Promise<Look[]> {
  const looks = Object.entries(sizes).flatMap(([size, viewport]) =>
    colorSchemes.map(async (colorScheme): Promise<Look> => {
      const context = await browser.newContext({ viewport, colorScheme });
      t.onTestFinished(() => context.close());
      const page = await context.newPage();
      await page.goto(address);
      return { name: `${size}-${colorScheme}`, page };
    }),
  );
  return Promise.all(looks);
}

async function shoot(
  looks: readonly Look[],
  state: string,
  bringAbout: (page: Page) => Promise<unknown>,
): Promise<void> {
  for (const { name, page } of looks) {
    await bringAbout(page);
    await page.screenshot({ path: join(folder, `${state}-${name}.png`), fullPage: true });
  }
}
