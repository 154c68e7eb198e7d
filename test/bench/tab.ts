// How fast a tab is, and how soon it helps: npx tsx test/bench/tab.ts [engine ...]. The page is left alone and its part
// is read off the coordinator: Playwright would forward every frame of it, and take two thirds of its speed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { findChromium } from '../browser/find-chromium.ts';
import { openScope } from '../siege.ts';
import { newCluster, type TestScope, temporaryFolder } from '../support.ts';

const engines = process.argv.length > 2 ? process.argv.slice(2) : ['wasm:simd', 'wasm:relaxed'];
const secondsEach = 6;

for (const engine of engines) {
  const { scope, close } = openScope();
  try {
    const devTools = await startBrowser(scope);
    const { coordinator, url } = await newCluster(scope, { workers: 0, flags: ['--epochs=100'] });
    const openedAt = Date.now();
    const address = encodeURIComponent(`${url}/join#autostart&engine=${engine}`);
    await fetch(`${devTools}/json/new?${address}`, { method: 'PUT' });
    const first = await coordinator.waitForEvent('step');
    const from = await coordinator.waitForEvent('step', ({ seq }) => seq > first.seq + 4);
    await setTimeout(1000 * secondsEach);
    const to = coordinator.eventsSoFar().findLast((event) => event.type === 'step')!;
    const samples = to.counters.samplesCommitted - from.counters.samplesCommitted;
    const seconds = (Date.parse(to.time) - Date.parse(from.time)) / 1000;
    const untilFirst = (Date.parse(first.time) - openedAt) / 1000;
    console.log(
      `${engine}: ${Math.round(samples / seconds).toLocaleString('en-US')} samples/s; ` +
        `the first step committed ${untilFirst.toFixed(2)} s after the link was opened`,
    );
  } finally {
    await close();
  }
}

/** Resolves to the address of its DevTools. */
async function startBrowser(t: TestScope): Promise<string> {
  const { executablePath, env } = (await findChromium())!;
  const flags = ['--headless', '--no-sandbox', `--user-data-dir=${temporaryFolder(t)}`];
  const browser = spawn(executablePath, [...flags, '--remote-debugging-port=0'], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  t.onTestFinished(async () => {
    browser.kill('SIGKILL');
    await once(browser, 'close');
  });
  let said = '';
  for await (const text of browser.stderr.setEncoding('utf8')) {
    said += text;
    const [, host] = /DevTools listening on ws:\/\/([^/]+)\//.exec(said) ?? [];
    if (host !== undefined) return `http://${host}`;
  }
  throw new Error(`Chromium does not start: ${said}`);
}
