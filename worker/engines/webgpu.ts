// Our own WGSL on any graphics card: in Node through Dawn, which the npm package `webgpu` brings. It is large and
// optional, so whoever wants the engine installs it.
import type { EngineKind } from '../../shared/contracts.ts';
import { hasGraphicsCard } from './graphics-card.ts';
import { openDevice } from './webgpu/device.ts';
import { createWebGpuEngine } from './webgpu/engine.ts';
import type { Gpu } from './webgpu/gpu.ts';
import { type WebGpuProvider, webGpuProviders } from './webgpu/providers.ts';

/** What makes a provider run where it does not. */
const mends: Readonly<Record<WebGpuProvider, string>> = {
  hardware: 'it needs a graphics card with a Vulkan, Metal or Direct3D 12 driver',
  software:
    'it needs a Vulkan driver that computes on the processor: VK_ICD_FILENAMES names the vk_swiftshader_icd.json ' +
    'of a Chromium',
};

export const webgpu: EngineKind = {
  tolerance: 1e-5,
  providers: webGpuProviders,
  onRequest: ['software'],
  create: async (model, provider = 'hardware') => {
    const label = `webgpu:${provider}`;
    const wanted = webGpuProviders.find((known) => known === provider)!;
    const failed = (reason: string, cause?: unknown) =>
      new Error(`engine ${label}: ${reason}; ${mends[wanted]}`, { cause });
    if (wanted === 'hardware' && !hasGraphicsCard()) {
      throw failed('there is no graphics card here');
    }
    const gpu = await dawn().catch((cause: unknown) => {
      const reason = 'the npm package webgpu is not installed here, or not for this machine';
      throw new Error(`engine ${label}: ${reason}; npm install --no-save webgpu brings it`, {
        cause,
      });
    });
    if (wanted === 'software' && !hasGraphicsCard() && !namesVulkanDriver()) {
      throw failed('no software adapter is set up here');
    }
    try {
      return await createWebGpuEngine(await openDevice(gpu, wanted), label, model);
    } catch (cause) {
      const [reason] = (cause as Error).message.split('\n');
      throw failed(`it does not start here (${reason})`, cause);
    }
  },
};

/** In the variables that Vulkan's loader reads. */
function namesVulkanDriver(): boolean {
  return ['VK_ICD_FILENAMES', 'VK_DRIVER_FILES'].some((name) => process.env[name]);
}

/** Kept: without a reference to it Dawn is torn down under its devices and the process aborts. */
let sharedDawn: Gpu | undefined;

async function dawn(): Promise<Gpu> {
  sharedDawn ??= (await importPackage()).create([]);
  return sharedDawn;
}

interface WebGpuPackage {
  create(options: readonly string[]): Gpu;
}

async function importPackage(): Promise<WebGpuPackage> {
  // Not in the call: the compiler would want the types of a package that may not be here.
  const name = 'webgpu';
  return import(name);
}
