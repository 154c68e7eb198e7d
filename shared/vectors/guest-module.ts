import { startModule } from '../wasm/runtime.ts';
import { kernelOf } from './memory.ts';

/** Functions that work where vectors lie: assembled when they are asked for, and started once in each memory. */
export class GuestModule<Functions extends object> {
  readonly #assemble: () => Uint8Array;
  readonly #started = new WeakMap<object, Functions>();
  #module: Uint8Array | undefined;

  constructor(assemble: () => Uint8Array) {
    this.#assemble = assemble;
  }

  /** Those for views that all lie in the memory of one kernel; undefined for others, and without WebAssembly. */
  functionsFor(...views: readonly [ArrayBufferView, ...ArrayBufferView[]]): Functions | undefined {
    const host = kernelOf(...views);
    if (host === undefined) return undefined;
    const known = this.#started.get(host);
    if (known !== undefined) return known;
    this.#module ??= this.#assemble();
    const functions = startModule<Functions>(this.#module, host.memory);
    if (functions !== undefined) this.#started.set(host, functions);
    return functions;
  }
}
