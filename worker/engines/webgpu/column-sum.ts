// Sums over the rows of a matrix: always in the same order, so that the same values give the same bits.
import { type Dispatch, tile, tilesOf } from './dispatch.ts';

/** WGSL: `total` adds up what the invocations of a column of the workgroup hand it. All of them have to call it. */
export const workgroupSum = /* wgsl */ `
var<workgroup> partial: array<array<f32, ${tile}>, ${tile}>;

fn total(sum: f32, local: vec3u) -> f32 {
  workgroupBarrier();
  partial[local.y][local.x] = sum;
  for (var half = ${tile / 2}u; half > 0; half /= 2) {
    workgroupBarrier();
    if (local.y < half) { partial[local.y][local.x] += partial[local.y + half][local.x]; }
  }
  workgroupBarrier();
  return partial[0][local.x];
}
`;

const code = /* wgsl */ `
struct Shape {
  rows: u32,
  columns: u32,
  sumsOffset: u32,
}
@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read> values: array<f32>;
@group(0) @binding(2) var<storage, read_write> sums: array<f32>;
${workgroupSum}
@compute @workgroup_size(${tile}, ${tile})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_id) local: vec3u) {
  var sum = 0.0;
  if (id.x < shape.columns) {
    for (var row = local.y; row < shape.rows; row += ${tile}) {
      sum += values[row * shape.columns + id.x];
    }
  }
  let whole = total(sum, local);
  if (local.y == 0 && id.x < shape.columns) {
    sums[shape.sumsOffset + id.x] = whole;
  }
}
`;

interface ColumnSum {
  /** [rows, columns] */
  readonly values: string;
  readonly rows: number;
  readonly columns: number;
  readonly sums: string;
  readonly sumsOffset: number;
}

export function columnSum({ values, rows, columns, sums, sumsOffset }: ColumnSum): Dispatch {
  return {
    code,
    shape: [rows, columns, sumsOffset],
    buffers: [values, sums],
    // One walks down all rows.
    workgroups: tilesOf(1, columns),
  };
}
