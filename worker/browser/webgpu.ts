// Our own WGSL on the device of the browser.
import type { EngineKind } from '../../shared/contracts.ts';
import { openDevice, webGpuProviders } from '../engines/webgpu/device.ts';
import type { Gpu } from '../engines/webgpu/gpu.ts';

export const webgpu: EngineKind = {
  tolerance: 1e-5,
  providers: webGpuProviders,
  onRequest: ['software'],
  create: async (model, provider = 'hardware') => {
    const label = `webgpu:${provider}`;
    const { gpu } = navigator as { readonly gpu?: Gpu };
    if (gpu === undefined) {
      throw new Error(
        `engine ${label}: this browser offers no WebGPU here; open the page over https, in a browser that has it`,
      );
    }
    const wanted = webGpuProviders.find((known) => known === provider)!;
    const device = await openDevice(gpu, wanted);
    // Fetched where there is something to run it.
    const { createWebGpuEngine } = await import('../engines/webgpu/engine.ts');
    return createWebGpuEngine(device, label, model);
  },
};
