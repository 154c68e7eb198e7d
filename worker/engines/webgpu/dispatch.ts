// One run of a kernel, as data: what the plan of a pass is made of. Kernels are files here, each a WGSL source
// and a function that dispatches it.

export interface Dispatch {
  /** WGSL with the entry point `main`; binding 0 is the uniform `shape`. */
  readonly code: string;
  /** The members of `shape`, all u32, in their order. */
  readonly shape: readonly number[];
  /** Names of the buffers at the bindings from 1 on. */
  readonly buffers: readonly string[];
  readonly workgroups: readonly [x: number, y: number];
}

/** The most members of a shape. */
export const maxShapeLength = 16;

/** Side of the square of values that a workgroup of most kernels takes, one an invocation. */
export const tile = 16;

/** The workgroups that cover a matrix. */
export function tilesOf(rows: number, columns: number): [x: number, y: number] {
  return [Math.ceil(columns / tile), Math.ceil(rows / tile)];
}
