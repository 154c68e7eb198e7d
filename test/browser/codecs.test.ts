// Codecs in a browser: the same bits as in Node.
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { expect, it } from 'vitest';
import { codecNames } from '../../shared/codecs/index.ts';
import { endlessRun, newCluster } from '../support.ts';
import { launchBrowser, noBrowser, openTab } from './chromium.ts';
import { codecDigests } from './codec-digests.ts';

it.skipIf(noBrowser)('every codec has the same bits in a browser as in Node', async (t) => {
  const browser = await launchBrowser(t);
  const page = await browser.newPage();
  await page.addScriptTag({ content: await scriptOf('./codec-digests.ts') });
  const inBrowser =
    await page.evaluate<Record<string, readonly number[]>>('digests.codecDigests()');
  expect(Object.keys(inBrowser)).toEqual(codecNames);
  expect(inBrowser).toEqual(await codecDigests());
});

it.skipIf(noBrowser)('a tab fetches the codecs of its run, and trains with them', async (t) => {
  const wire = ['--codec=topk', '--weights-codec=float16'];
  const { coordinator, url } = await newCluster(t, {
    workers: 0,
    flags: [...endlessRun, '--batch-size=16', ...wire],
  });
  const page = await openTab(t, await launchBrowser(t), `${url}/join#autostart&name=Ada`);
  const { trainLoss } = await coordinator.waitForEvent('epoch');
  // Of who knows nothing and says so: ten equal probabilities.
  expect(trainLoss).toBeLessThan(Math.log(10));
  const [compute] = page.workers();
  const fetched = await compute.evaluate<string>(
    `performance.getEntriesByType('resource').map(({ name }) => name).join(' ')`,
  );
  expect(fetched).toMatch(/\/topk-/);
  expect(fetched).toMatch(/\/float16-/);
  expect(fetched).not.toMatch(/\/int8-/);
});

/** With all that it imports, as one script whose exports are `digests`. */
async function scriptOf(path: string): Promise<string> {
  const entry = fileURLToPath(new URL(path, import.meta.url));
  const built = await build({
    configFile: false,
    logLevel: 'warn',
    build: { write: false, lib: { entry, formats: ['iife'], name: 'digests' } },
  });
  const [bundle] = [built].flat();
  if (!('output' in bundle)) throw new Error('vite built nothing');
  return bundle.output[0].code;
}
