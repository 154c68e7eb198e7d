// Matrices in the memory of the module, and their product.
import type { KernelFunctions } from './kernel.ts';

/** A view: strides are in floats, from one row, or column, to the next. */
export interface Matrix {
  readonly values: Float32Array;
  readonly rows: number;
  readonly columns: number;
  readonly rowStride: number;
  readonly columnStride: number;
}

/** Row after row. */
export function matrixOf(values: Float32Array, rows: number, columns: number): Matrix {
  return { values, rows, columns, rowStride: columns, columnStride: 1 };
}

export function transposed({ values, rows, columns, rowStride, columnStride }: Matrix): Matrix {
  return {
    values,
    rows: columns,
    columns: rows,
    rowStride: columnStride,
    columnStride: rowStride,
  };
}

/** What a product needs beside its matrices, in the same memory. */
export interface ProductTools {
  readonly kernel: KernelFunctions;
  /** Room for the packed right matrix. */
  readonly panels: Float32Array;
  /** At least one a row of the product. */
  readonly zeros: Float32Array;
}

/** Fills `product`, laid out row after row, with `left * right`, plus `start[row]` in each row. */
export function multiply(
  { kernel, panels, zeros }: ProductTools,
  left: Matrix,
  right: Matrix,
  product: Float32Array,
  start = zeros,
): void {
  const bytes = Float32Array.BYTES_PER_ELEMENT;
  kernel.pack(
    right.values.byteOffset,
    right.rowStride * bytes,
    right.columnStride * bytes,
    right.rows,
    right.columns,
    panels.byteOffset,
  );
  kernel.multiply(
    left.values.byteOffset,
    left.rowStride * bytes,
    left.columnStride * bytes,
    panels.byteOffset,
    product.byteOffset,
    right.columns * bytes,
    left.rows,
    right.columns,
    left.columns,
    start.byteOffset,
  );
}
