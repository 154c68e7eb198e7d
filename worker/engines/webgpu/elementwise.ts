// Kernels that compute every value of a matrix by itself.
import { type Dispatch, tile, tilesOf } from './dispatch.ts';

interface Elementwise {
  readonly rows: number;
  readonly columns: number;
  /** By their names in `code`; the last one is written. */
  readonly buffers: Readonly<Record<string, string>>;
  /** Further members of `shape`, by name. */
  readonly offsets?: Readonly<Record<string, number>>;
  /** WGSL with `fn compute(at: u32, column: u32)`: `at` counts all values, row by row. */
  readonly code: string;
}

export function elementwise({ rows, columns, buffers, offsets = {}, code }: Elementwise): Dispatch {
  const names = Object.keys(buffers);
  const bindings = names.map((name, index) => {
    const access = index + 1 === names.length ? 'read_write' : 'read';
    return `@group(0) @binding(${index + 1}) var<storage, ${access}> ${name}: array<f32>;`;
  });
  const members = ['rows', 'columns', ...Object.keys(offsets)].map((name) => `  ${name}: u32,`);
  return {
    code: /* wgsl */ `
struct Shape {
${members.join('\n')}
}
@group(0) @binding(0) var<uniform> shape: Shape;
${bindings.join('\n')}

@compute @workgroup_size(${tile}, ${tile})
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= shape.columns || id.y >= shape.rows) { return; }
  compute(id.y * shape.columns + id.x, id.x);
}
${code}`,
    shape: [rows, columns, ...Object.values(offsets)],
    buffers: Object.values(buffers),
    workgroups: tilesOf(rows, columns),
  };
}
