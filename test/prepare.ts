// Before the tests: what several of them need is made once.
import { openPages } from '../deploy/pages/built.ts';
import { findChromium } from './browser/find-chromium.ts';

export async function setup(): Promise<void> {
  await openPages(() => console.log('building the pages'));
  await findChromium();
}
