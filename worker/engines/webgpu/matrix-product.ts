// The product of two matrices, transposed or not, as tiles that pass through workgroup memory.
import type { Dispatch } from './dispatch.ts';

/** Part of a buffer: the value of a row and a column is at `offset + row * rowStride + column * columnStride`. */
export interface Matrix {
  readonly buffer: string;
  readonly offset: number;
  readonly rows: number;
  readonly columns: number;
  readonly rowStride: number;
  readonly columnStride: number;
}

export function rowMajor(buffer: string, rows: number, columns: number, offset = 0): Matrix {
  return { buffer, offset, rows, columns, rowStride: columns, columnStride: 1 };
}

/** The same values, seen from the other side. */
export function transposed({ rows, columns, rowStride, columnStride, ...at }: Matrix): Matrix {
  return {
    ...at,
    rows: columns,
    columns: rows,
    rowStride: columnStride,
    columnStride: rowStride,
  };
}

const noBias = 0xffffffff;

/** A workgroup computes a square of so many values a side, and walks along `inner` in steps of `depth`. */
const side = 32;
const depth = 16;
/** Each of its 8 by 8 invocations computes 4 by 4 values, this far apart. */
const threads = side / 4;

const code = /* wgsl */ `
struct Shape {
  rows: u32,
  columns: u32,
  inner: u32,
  leftOffset: u32,
  leftRowStride: u32,
  leftColumnStride: u32,
  rightOffset: u32,
  rightRowStride: u32,
  rightColumnStride: u32,
  biasOffset: u32,
  productOffset: u32,
}
@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read> left: array<f32>;
@group(0) @binding(2) var<storage, read> right: array<f32>;
@group(0) @binding(3) var<storage, read_write> product: array<f32>;

// One more than needed, so that neighbours who write with a stride meet different banks.
var<workgroup> leftTile: array<array<f32, ${side + 1}>, ${depth}>;
var<workgroup> rightTile: array<array<f32, ${side + 1}>, ${depth}>;

@compute @workgroup_size(${threads}, ${threads})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let firstRow = ${side} * group.y;
  let firstColumn = ${side} * group.x;
  let rows = local.y + ${threads} * vec4u(0, 1, 2, 3);
  let columns = local.x + ${threads} * vec4u(0, 1, 2, 3);
  var sums: array<vec4f, 4>;
  for (var start = 0u; start < shape.inner; start += ${depth}) {
    for (var at = index; at < ${side * depth}; at += ${threads * threads}) {
      // Neighbours read neighbouring addresses, whichever way a matrix lies.
      let across = vec2u(at % ${side}, at / ${side});
      let along = vec2u(at / ${depth}, at % ${depth});
      let inLeft = select(across, along, shape.leftColumnStride == 1);
      let inRight = select(along, across, shape.rightColumnStride == 1);
      leftTile[inLeft.y][inLeft.x] = leftValue(firstRow + inLeft.x, start + inLeft.y);
      rightTile[inRight.y][inRight.x] = rightValue(start + inRight.y, firstColumn + inRight.x);
    }
    workgroupBarrier();
    for (var at = 0u; at < ${depth}; at++) {
      let row = &rightTile[at];
      let values = vec4f((*row)[columns.x], (*row)[columns.y], (*row)[columns.z], (*row)[columns.w]);
      sums[0] += leftTile[at][rows.x] * values;
      sums[1] += leftTile[at][rows.y] * values;
      sums[2] += leftTile[at][rows.z] * values;
      sums[3] += leftTile[at][rows.w] * values;
    }
    workgroupBarrier();
  }
  for (var down = 0u; down < 4; down++) {
    for (var across = 0u; across < 4; across++) {
      write(firstRow + rows[down], firstColumn + columns[across], sums[down][across]);
    }
  }
}

fn write(row: u32, column: u32, sum: f32) {
  if (row >= shape.rows || column >= shape.columns) { return; }
  var value = sum;
  if (shape.biasOffset != ${noBias}) { value += right[shape.biasOffset + column]; }
  product[shape.productOffset + row * shape.columns + column] = value;
}

fn leftValue(row: u32, column: u32) -> f32 {
  if (row >= shape.rows || column >= shape.inner) { return 0.0; }
  return left[shape.leftOffset + row * shape.leftRowStride + column * shape.leftColumnStride];
}

fn rightValue(row: u32, column: u32) -> f32 {
  if (row >= shape.inner || column >= shape.columns) { return 0.0; }
  return right[shape.rightOffset + row * shape.rightRowStride + column * shape.rightColumnStride];
}
`;

interface ProductPlace {
  readonly buffer: string;
  readonly offset?: number;
  /** Where the buffer of `right` has a vector that is added to every row. */
  readonly biasOffset?: number;
}

/** `left` [rows, inner] times `right` [inner, columns], written row by row. */
export function matrixProduct(
  left: Matrix,
  right: Matrix,
  { buffer, offset = 0, biasOffset = noBias }: ProductPlace,
): Dispatch {
  return {
    code,
    shape: [
      left.rows,
      right.columns,
      left.columns,
      left.offset,
      left.rowStride,
      left.columnStride,
      right.offset,
      right.rowStride,
      right.columnStride,
      biasOffset,
      offset,
    ],
    buffers: [left.buffer, right.buffer, buffer],
    workgroups: [Math.ceil(right.columns / side), Math.ceil(left.rows / side)],
  };
}
