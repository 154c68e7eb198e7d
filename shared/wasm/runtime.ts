// The WebAssembly of Node and of tabs. The compiler's library declares it together with the DOM alone, so what is used
// of it is declared here.

export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  /** By pages. The old `buffer` has no bytes afterwards, and neither have its views. */
  grow(pages: number): number;
}

export const pageBytes = 65_536;

interface WebAssemblyApi {
  validate(bytes: Uint8Array): boolean;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports?: object) => { readonly exports: object };
}

/**
 * What the module exports, which the caller knows; a guest is given the memory that it works in. Undefined where this
 * runtime has not all of the instructions. At once: a tab takes that of modules of at most 4 kB.
 */
export function startModule<Exports extends object>(
  bytes: Uint8Array,
  memory?: WasmMemory,
): Exports | undefined {
  const { WebAssembly } = globalThis as { WebAssembly?: WebAssemblyApi };
  if (!WebAssembly?.validate(bytes)) return undefined;
  const module = new WebAssembly.Module(bytes);
  return new WebAssembly.Instance(module, { memory: { memory } }).exports as Exports;
}
