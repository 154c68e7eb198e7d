// Our own WGSL on the device of the browser.
import type { EngineKind } from '../../shared/contracts.ts';
import type { Gpu } from '../engines/webgpu/gpu.ts';
import { webGpuProviders } from '../engines/webgpu/providers.ts';

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
    // Fetched where there may be something to run it.
    const { openDevice } = await import('../engines/webgpu/device.ts');
    const device = await openDevice(gpu, wanted);
    const { createWebGpuEngine } = await import('../engines/webgpu/engine.ts');
    return createWebGpuEngine(device, label, model);
  },
};
