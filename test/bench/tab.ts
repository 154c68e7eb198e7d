// How fast a tab is, and how soon it helps: npx tsx test/bench/tab.ts [engine ...]. The page is left alone and its part
// is read off the coordinator: Playwright would take two thirds of its speed.
import { openBareBrowser } from '../browser/bare-browser.ts';
import { openScope } from '../siege.ts';
import { newCluster } from '../support.ts';

const engines = process.argv.length > 2 ? process.argv.slice(2) : ['wasm:simd', 'wasm:relaxed'];
const secondsEach = 6;
/** In a page: frames a second, over that time. */
const countFrames = `new Promise((resolve) => {
  const begun = performance.now();
  let frames = 0;
  const count = () => {
    const seconds = (performance.now() - begun) / 1000;
    frames++;
    if (seconds < ${secondsEach}) requestAnimationFrame(count);
    else resolve(frames / seconds);
  };
  requestAnimationFrame(count);
})`;

for (const engine of engines) {
  const { scope, close } = openScope();
  try {
    const browser = await openBareBrowser(scope);
    const { coordinator, url } = await newCluster(scope, { workers: 0, flags: ['--epochs=100'] });
    const openedAt = Date.now();
    const tab = await browser.openTab(`${url}/join#autostart&engine=${engine}`);
    const first = await coordinator.waitForEvent('step');
    const from = await coordinator.waitForEvent('step', ({ seq }) => seq > first.seq + 4);
    const framesPerSecond = Number(await tab.evaluate(countFrames));
    const to = coordinator.eventsSoFar().findLast((event) => event.type === 'step')!;
    const samples = to.counters.samplesCommitted - from.counters.samplesCommitted;
    const seconds = (Date.parse(to.time) - Date.parse(from.time)) / 1000;
    const untilFirst = (Date.parse(first.time) - openedAt) / 1000;
    console.log(
      `${engine}: ${Math.round(samples / seconds).toLocaleString('en-US')} samples/s; ` +
        `the first step committed ${untilFirst.toFixed(2)} s after the link was opened; ` +
        `the page drew ${framesPerSecond.toFixed(0)} frames a second`,
    );
  } finally {
    await close();
  }
}
