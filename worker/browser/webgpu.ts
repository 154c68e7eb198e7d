// Our own WGSL on the device of the browser.
import type { EngineKind } from '../../shared/contracts.ts';
import { openDevice, webGpuProviders } from '../engines/webgpu/device.ts';
import { createWebGpuEngine } from '../engines/webgpu/engine.ts';
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
    return createWebGpuEngine(await openDevice(gpu, wanted), label, model);
  },
};
