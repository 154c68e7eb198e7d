// From bytes to what the first layer takes: pixels travel to the card as they came, a quarter of the size.
import { type Dispatch, tile, tilesOf } from './dispatch.ts';

const code = /* wgsl */ `
struct Shape {
  rows: u32,
  columns: u32,
}
@group(0) @binding(0) var<uniform> shape: Shape;
// Four bytes a word.
@group(0) @binding(1) var<storage, read> pixels: array<u32>;
@group(0) @binding(2) var<storage, read_write> scaled: array<f32>;

@compute @workgroup_size(${tile}, ${tile})
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= shape.columns || id.y >= shape.rows) { return; }
  let at = id.y * shape.columns + id.x;
  let pixel = (pixels[at / 4] >> (8 * (at % 4))) & 255;
  // (x/255 - 0.5)/0.5
  scaled[at] = f32(pixel) * (2.0 / 255.0) - 1.0;
}
`;

interface ScaledPixels {
  readonly rows: number;
  readonly columns: number;
  /** [rows, columns], bytes. */
  readonly pixels: string;
  /** [rows, columns] */
  readonly scaled: string;
}

export function scaledPixels({ rows, columns, pixels, scaled }: ScaledPixels): Dispatch {
  return {
    code,
    shape: [rows, columns],
    buffers: [pixels, scaled],
    workgroups: tilesOf(rows, columns),
  };
}
