// A real browser for the tests: a Chromium of this machine, or the one that comes with the npm packages.
import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import type { TestScope } from '../support.ts';

/** Where Linux, macOS and Windows have one. */
const usualPlaces = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

const executablePath = usualPlaces.find((path) => existsSync(path));

/** Why no test can have one; undefined where they can. */
export const noBrowser =
  executablePath === undefined ? 'there is no Chromium on this machine' : undefined;

export async function launchBrowser(
  t: TestScope,
  { args = [] }: { readonly args?: readonly string[] } = {},
): Promise<Browser> {
  // Root in a container has no sandbox; the only pages here are our own.
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', ...args] });
  t.onTestFinished(() => browser.close());
  return browser;
}

/** An address of this coordinator in a tab of its own, closed when the test ends. */
export async function openTab(t: TestScope, browser: Browser, address: string): Promise<Page> {
  const context = await browser.newContext();
  t.onTestFinished(() => context.close());
  const page = await context.newPage();
  await page.goto(address);
  return page;
}

/** A tab at work whose user has clicked Start. */
export async function startTab(
  t: TestScope,
  browser: Browser,
  url: string,
  name: string,
): Promise<Page> {
  const page = await openTab(t, browser, `${url}/join`);
  await page.getByLabel('Your name').fill(name);
  await page.getByRole('button', { name: 'Start' }).click();
  return page;
}
