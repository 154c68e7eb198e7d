// The kernel: a product of matrices in WebAssembly SIMD, a tile of 4 rows by 8 columns in registers. It is assembled
// when an engine is created: a compiler of a hundred megabytes would be too much for two functions.
import type { Code } from '../../../shared/wasm/encoding.ts';
import {
  add,
  copyBytes,
  ifElse,
  increase,
  isAtMost,
  isLess,
  type Local,
  load,
  minimum,
  multiply,
  set,
  store,
  subtract,
  vector,
  whileLoop,
} from '../../../shared/wasm/instructions.ts';
import {
  type AssembledFunction,
  assembleFunction,
  assembleModule,
} from '../../../shared/wasm/module.ts';
import type { WasmMemory } from '../../../shared/wasm/runtime.ts';

const tileRows = 4;
const floatBytes = 4;
const vectorBytes = 16;
/** Two vectors. */
const tileColumns = 8;
const panelRowBytes = tileColumns * floatBytes;

/** The first bytes of the memory, a cache line, belong to the kernel. */
export const kernelBytes = 64;
/** Where a row of a tile goes that reaches beyond the product; what belongs to the product is copied from here. */
const spill = 0;

/** How many floats `pack` writes for a matrix of this size. */
export function packedLength(rows: number, columns: number): number {
  return Math.ceil(columns / tileColumns) * tileColumns * rows;
}

/**
 * The functions that a module exports. Every argument is a count or, in bytes, an address or a stride (from
 * one row, or column, to the next).
 */
export interface KernelFunctions {
  /** Copies a matrix in panels of 8 columns, so that `multiply` reads it in order. */
  pack(
    source: number,
    rowStride: number,
    columnStride: number,
    rows: number,
    columns: number,
    panels: number,
  ): void;
  /** `product = left * panels + start`, where `start` is one number a row; `depth` is the columns of `left`. */
  multiply(
    left: number,
    leftRowStride: number,
    leftColumnStride: number,
    panels: number,
    product: number,
    productRowStride: number,
    rows: number,
    columns: number,
    depth: number,
    start: number,
  ): void;
}

/** A kernel that has been started. */
export interface KernelModule extends KernelFunctions {
  readonly memory: WasmMemory;
}

type MultiplyAdd = typeof vector.multiplyAdd;

/** The module's bytes. With a relaxed `multiplyAdd` what it computes depends on the processor, to the last bit. */
export function assembleKernel(multiplyAdd: MultiplyAdd): Uint8Array {
  return assembleModule([packFunction(), multiplyFunction(multiplyAdd)]);
}

function packFunction(): AssembledFunction {
  return assembleFunction(
    'pack',
    ['source', 'rowStride', 'columnStride', 'rows', 'columns', 'panels'],
    ({ source, rowStride, columnStride, rows, columns, panels }, newLocal) => {
      const row = newLocal('i32');
      const column = newLocal('i32');
      const cursors = times(tileColumns, () => newLocal('i32'));
      return [
        whileLoop(
          isLess(column, columns),
          ...cursors.map((cursor, at) =>
            set(cursor, placeOf(source, columnStride, nthOrLast(column, at, columns))),
          ),
          set(row, 0),
          whileLoop(
            isLess(row, rows),
            ...cursors.flatMap((cursor, at) => [
              store(panels, load(cursor), at * floatBytes),
              increase(cursor, rowStride),
            ]),
            increase(panels, panelRowBytes),
            increase(row, 1),
          ),
          increase(column, tileColumns),
        ),
      ];
    },
  );
}

function multiplyFunction(multiplyAdd: MultiplyAdd): AssembledFunction {
  return assembleFunction(
    'multiply',
    [
      'left',
      'leftRowStride',
      'leftColumnStride',
      'panels',
      'product',
      'productRowStride',
      'rows',
      'columns',
      'depth',
      'start',
    ],
    (parameters, newLocal) => {
      const { panels, rows, columns, depth } = parameters;
      const row = newLocal('i32');
      const column = newLocal('i32');
      const panel = newLocal('i32');
      const panelEnd = newLocal('i32');
      const factor = newLocal('v128');
      const panelHalves = times(2, () => newLocal('v128'));
      const tile = times(tileRows, () => ({
        leftRow: newLocal('i32'),
        leftCursor: newLocal('i32'),
        start: newLocal('i32'),
        target: newLocal('i32'),
        sums: times(2, () => newLocal('v128')),
      }));

      const addNextColumn = [
        ...panelHalves.map((half, at) => set(half, vector.load(panel, at * vectorBytes))),
        ...tile.flatMap(({ leftCursor, sums }) => [
          set(factor, vector.loadSplat(leftCursor)),
          ...sums.map((sum, at) => set(sum, multiplyAdd(factor, panelHalves[at], sum))),
          increase(leftCursor, parameters.leftColumnStride),
        ]),
        increase(panel, panelRowBytes),
      ];
      const storeTile = [
        ifElse(
          isAtMost(add(column, tileColumns), columns),
          tile.flatMap(({ target, sums }) => storeSums(target, sums)),
          tile.flatMap(({ target, sums }) => [
            ...storeSums(spill, sums),
            copyBytes(target, spill, multiply(subtract(columns, column), floatBytes)),
          ]),
        ),
        ...tile.map(({ target }) => increase(target, panelRowBytes)),
      ];
      // Rows outside: those of a tile stay in the nearest cache while all panels pass.
      return [
        whileLoop(
          isLess(row, rows),
          ...tile.flatMap(({ leftRow, start, target }, at) => {
            const tileRow = nthOrLast(row, at, rows);
            return [
              set(leftRow, placeOf(parameters.left, parameters.leftRowStride, tileRow)),
              set(target, placeOf(parameters.product, parameters.productRowStride, tileRow)),
              set(start, placeOf(parameters.start, floatBytes, tileRow)),
            ];
          }),
          set(panel, panels),
          set(column, 0),
          whileLoop(
            isLess(column, columns),
            ...tile.flatMap(({ leftRow, leftCursor, start, sums }) => [
              set(leftCursor, leftRow),
              ...sums.map((sum) => set(sum, vector.loadSplat(start))),
            ]),
            set(panelEnd, add(panel, multiply(depth, panelRowBytes))),
            whileLoop(isLess(panel, panelEnd), ...addNextColumn),
            ...storeTile,
            increase(column, tileColumns),
          ),
          increase(row, tileRows),
        ),
      ];
    },
  );
}

/** At the edge of a matrix the last row (or column) is taken several times: it gives the same each time. */
function nthOrLast(first: Local, offset: number, count: Local): Code {
  return minimum(add(first, offset), subtract(count, 1));
}

function placeOf(origin: Local, stride: Local | number, index: Code): Code {
  return add(origin, multiply(index, stride));
}

function storeSums(target: Local | number, sums: readonly Local[]): Code[] {
  return sums.map((sum, at) => vector.store(target, sum, at * vectorBytes));
}

function times<T>(count: number, create: () => T): T[] {
  return Array.from({ length: count }, create);
}
