// The WebAssembly of Node and of tabs, and the kernel as it runs there. The compiler's library declares WebAssembly
// together with the DOM alone, so what is used of it is declared here.
import type { KernelFunctions } from './kernel.ts';

export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  /** By pages. The old `buffer` has no bytes afterwards, and neither have its views. */
  grow(pages: number): number;
}

export const pageBytes = 65_536;

export interface KernelModule extends KernelFunctions {
  readonly memory: WasmMemory;
}

interface WebAssemblyApi {
  validate(bytes: Uint8Array): boolean;
  instantiate(bytes: Uint8Array): Promise<{ instance: { exports: unknown } }>;
}

/** Undefined where this runtime has not all of the instructions. */
export async function startKernel(bytes: Uint8Array): Promise<KernelModule | undefined> {
  const { WebAssembly } = globalThis as { WebAssembly?: WebAssemblyApi };
  if (!WebAssembly?.validate(bytes)) return undefined;
  const { instance } = await WebAssembly.instantiate(bytes);
  return instance.exports as KernelModule;
}
