// Long vectors side by side in the memory of a kernel, where what is done to them goes several times as fast.

import { pageBytes, startModule } from '../wasm/runtime.ts';
import { assembleVectorKernel, blockBytes, type VectorKernel } from './kernel.ts';

/** More would not fit beside the rest of a process on a small machine. */
export const maxBytes = 1 << 30;

const kernels = new WeakMap<ArrayBufferLike, VectorKernel>();

/** The kernel in whose memory all of these lie, if there is one. */
export function kernelOf(...views: readonly [ArrayBufferView, ...ArrayBufferView[]]) {
  const [{ buffer }] = views;
  return views.every((view) => view.buffer === buffer) ? kernels.get(buffer) : undefined;
}

/**
 * Hands out zeroed pieces of a memory that never grows, so that no piece loses its bytes. Pieces that nobody has
 * touched cost nothing. What does not fit any more, or anywhere without WebAssembly, is memory like any other.
 */
export class VectorMemory {
  readonly #buffer: ArrayBuffer;
  /** The first block is the kernel's own. */
  #end = blockBytes;

  constructor(bytes: number) {
    this.#buffer = kernelMemory(Math.min(bytes + blockBytes, maxBytes)) ?? new ArrayBuffer(0);
  }

  floats(length: number): Float32Array {
    const { buffer, byteOffset } = this.bytes(length * Float32Array.BYTES_PER_ELEMENT);
    return new Float32Array(buffer, byteOffset, length);
  }

  bytes(length: number): Uint8Array {
    const start = this.#end;
    const end = start + roomFor(length);
    if (end > this.#buffer.byteLength) return new Uint8Array(length);
    this.#end = end;
    return new Uint8Array(this.#buffer, start, length);
  }

  /** Whole pages of a kernel's memory, for at least so many bytes; undefined where it has no room for them. */
  pages(length: number): Uint8Array | undefined {
    const start = Math.ceil(this.#end / pageBytes) * pageBytes;
    const end = start + wholePages(length);
    if (end > this.#buffer.byteLength) return undefined;
    this.#end = end;
    return new Uint8Array(this.#buffer, start, end - start);
  }
}

/** What pages for so many bytes take of a memory, at most. They are as large as those of any machine, or larger. */
export function roomForPages(bytes: number): number {
  return wholePages(bytes) + pageBytes;
}

function wholePages(bytes: number): number {
  return Math.ceil(bytes / pageBytes) * pageBytes;
}

/** What a piece of `bytes` takes of a memory. */
export function roomFor(bytes: number): number {
  return Math.ceil(bytes / blockBytes) * blockBytes;
}

function kernelMemory(bytes: number): ArrayBuffer | undefined {
  const kernel = startModule<VectorKernel>(assembleVectorKernel());
  if (kernel === undefined) return undefined;
  try {
    // It begins with one page.
    kernel.memory.grow(Math.ceil(bytes / pageBytes) - 1);
  } catch {
    return undefined;
  }
  const { buffer } = kernel.memory;
  kernels.set(buffer, kernel);
  return buffer;
}
