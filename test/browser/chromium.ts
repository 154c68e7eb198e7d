// A real browser for the tests.
import { type Browser, chromium, type Page } from 'playwright-core';
import type { TestScope } from '../support.ts';
import { findChromium } from './find-chromium.ts';

const found = await findChromium();

/** Why no test can have one; undefined where they can. */
export const noBrowser =
  found === undefined ? 'there is no Chromium on this machine; CHROMIUM=PATH names one' : undefined;
if (noBrowser !== undefined) console.warn(`skipped: ${noBrowser}`);

export async function launchBrowser(
  t: TestScope,
  { args = [] }: { readonly args?: readonly string[] } = {},
): Promise<Browser> {
  // Root in a container has no sandbox; the only pages here are our own.
  const browser = await chromium.launch({ ...found, args: ['--no-sandbox', ...args] });
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
