// WebGPU in a tab, on an adapter that computes on the processor: what it computes is right, how fast says nothing.
import { expect, it } from 'vitest';
import { endlessRun, newCluster } from '../support.ts';
import { launchBrowser, noBrowser, openTab } from './chromium.ts';

const software = [
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--enable-features=Vulkan,WebGPU',
];

it.skipIf(noBrowser)('trains on WebGPU, proven right, when it is asked for by name', async (t) => {
  const browser = await launchBrowser(t, { args: software });
  const flags = [...endlessRun, '--batch-size=16'];
  const { coordinator, url, waitForWorker } = await newCluster(t, { workers: 0, flags });
  await openTab(t, browser, `${url}/join#autostart&name=Ada&engine=webgpu:software`);
  expect((await waitForWorker('Ada', 'ready')).engine).toBe('webgpu:software');
  const early = await coordinator.waitForEvent('step', ({ version }) => version > 1);
  const later = await coordinator.waitForEvent('step', ({ version }) => version > 100);
  expect(later.loss).toBeLessThan(early.loss);
});
