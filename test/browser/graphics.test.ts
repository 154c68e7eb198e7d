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
  { engine: 'tfjs:webgpu-software', args: webGpu },
])('$engine is proven right and trains, asked for by name', async ({ engine, args }) => {
  const t = { onTestFinished };
  const browser = await launchBrowser(t, { args });
  const flags = [...endlessRun, '--batch-size=16'];
  const { coordinator, url, waitForWorker } = await newCluster(t, { workers: 0, flags });
  await openTab(t, browser, `${url}/join#autostart&name=Ada&engine=${engine}`);
  expect((await waitForWorker('Ada', 'ready')).engine).toBe(engine);
  const { trainLoss } = await coordinator.waitForEvent('epoch');
  // Of who knows nothing and says so: ten equal probabilities.
  expect(trainLoss).toBeLessThan(Math.log(10));
});

it.skipIf(noBrowser)(
  'a tab that loses its graphics card goes on with another engine',
  async (t) => {
    const browser = await launchBrowser(t, { args: webGpu });
    const { coordinator, url, waitForWorker } = await newCluster(t, {
      workers: 0,
      flags: endlessRun,
    });
    const page = await openTab(t, browser, `${url}/join#autostart&name=Ada&engine=webgpu:software`);
    expect((await waitForWorker('Ada', 'ready')).engine).toBe('webgpu:software');
    const [compute] = page.workers();
    await compute.evaluate(`{
    const { createCommandEncoder } = GPUDevice.prototype;
    GPUDevice.prototype.createCommandEncoder = function () {
      this.destroy();
      return createCommandEncoder.call(this);
    };
  }`);
    const { seq, engine } = await coordinator.waitForEvent('worker', (event) => {
      return event.action === 'ready' && event.engine !== 'webgpu:software';
    });
    expect(engine).toMatch(/^wasm:/);
    await coordinator.waitForEvent('step', (step) => step.seq > seq);
  },
);
