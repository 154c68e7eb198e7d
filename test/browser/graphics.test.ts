// Graphics cards in a tab, played by the processor: what they compute is right, how fast says nothing.
import { expect, it, onTestFinished } from 'vitest';
import { endlessRun, newCluster } from '../support.ts';
import { launchBrowser, noBrowser, openTab } from './chromium.ts';

const webGpu = [
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--enable-features=Vulkan,WebGPU',
];
const webGl = ['--use-angle=swiftshader', '--enable-unsafe-swiftshader'];

it.skipIf(noBrowser).each([
  { engine: 'webgpu:software', args: webGpu },
  { engine: 'tfjs:software', args: webGl },
])('$engine is proven right and trains, asked for by name', async ({ engine, args }) => {
  const t = { onTestFinished };
  const browser = await launchBrowser(t, { args });
  const flags = [...endlessRun, '--batch-size=16'];
  const { coordinator, url, waitForWorker } = await newCluster(t, { workers: 0, flags });
  await openTab(t, browser, `${url}/join#autostart&name=Ada&engine=${engine}`);
  expect((await waitForWorker('Ada', 'ready')).engine).toBe(engine);
  const early = await coordinator.waitForEvent('step', ({ version }) => version > 1);
  const later = await coordinator.waitForEvent('step', ({ version }) => version > 100);
  expect(later.loss).toBeLessThan(early.loss);
});
