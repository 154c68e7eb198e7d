// Finds the device to compute on. A browser or Dawn hands out a processor that plays graphics card as readily as
// a real one, and nothing is slower: so it has to be asked for.
import type { Gpu, GpuAdapter, GpuAdapterInfo, GpuDevice } from './gpu.ts';
import type { WebGpuProvider } from './providers.ts';

/** Rejects when there is no adapter of this kind. */
export async function openDevice(gpu: Gpu, provider: WebGpuProvider): Promise<GpuDevice> {
  const adapter = await gpu.requestAdapter({
    powerPreference: 'high-performance',
    forceFallbackAdapter: provider === 'software',
  });
  if (adapter === null) throw new Error('WebGPU finds no adapter');
  if (provider === 'hardware' && isSoftware(adapter.info)) {
    throw new Error(`WebGPU finds nothing but ${nameOf(adapter.info)}, which is software`);
  }
  return adapter.requestDevice({ requiredLimits: largestBuffers(adapter) });
}

/** The smallest ones that the standard allows for would be the default. */
function largestBuffers({ limits }: GpuAdapter): GpuAdapter['limits'] {
  const { maxBufferSize, maxStorageBufferBindingSize } = limits;
  return { maxBufferSize, maxStorageBufferBindingSize };
}

/** Older browsers do not say so themselves. */
export function isSoftware(info: GpuAdapterInfo): boolean {
  return info.isFallbackAdapter === true || /swiftshader|llvmpipe|basic render/i.test(nameOf(info));
}

export function nameOf({ vendor, architecture, description }: GpuAdapterInfo): string {
  return [vendor, architecture, description].filter((part) => part !== '').join(' ');
}
