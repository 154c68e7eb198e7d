// Functions that work on every value by itself, and the way back through them.
import { type Dispatch, tile, tilesOf } from './dispatch.ts';

/** In WGSL, of `x`. */
interface ActivationFunction {
  readonly value: string;
  readonly derivative: string;
}

export const relu: ActivationFunction = {
  value: 'max(x, 0.0)',
  derivative: 'select(0.0, 1.0, x > 0.0)',
};

interface ActivationPlace {
  /** Of every matrix here. */
  readonly rows: number;
  readonly columns: number;
  readonly input: string;
}

/** `output` is the function of `input`. */
export function activate(
  { value }: ActivationFunction,
  { rows, columns, input, output }: ActivationPlace & { readonly output: string },
): Dispatch {
  return {
    code: elementwise(['input', 'output'], `let x = input[at]; output[at] = ${value};`),
    shape: [rows, columns],
    buffers: [input, output],
    workgroups: tilesOf(rows, columns),
  };
}

interface SlopePlace extends ActivationPlace {
  readonly outputSlope: string;
  readonly inputSlope: string;
}

/** `inputSlope` is `outputSlope` times the derivative at `input`. */
export function activationSlope(
  { derivative }: ActivationFunction,
  { rows, columns, input, outputSlope, inputSlope }: SlopePlace,
): Dispatch {
  return {
    code: elementwise(
      ['input', 'outputSlope', 'inputSlope'],
      `let x = input[at]; inputSlope[at] = outputSlope[at] * ${derivative};`,
    ),
    shape: [rows, columns],
    buffers: [input, outputSlope, inputSlope],
    workgroups: tilesOf(rows, columns),
  };
}

/** Runs `statements` for every index `at`. The last of the buffers is written. */
function elementwise(buffers: readonly string[], statements: string): string {
  const bindings = buffers.map((name, index) => {
    const access = index + 1 === buffers.length ? 'read_write' : 'read';
    return `@group(0) @binding(${index + 1}) var<storage, ${access}> ${name}: array<f32>;`;
  });
  return /* wgsl */ `
struct Shape {
  rows: u32,
  columns: u32,
}
@group(0) @binding(0) var<uniform> shape: Shape;
${bindings.join('\n')}

@compute @workgroup_size(${tile}, ${tile})
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= shape.columns || id.y >= shape.rows) { return; }
  let at = id.y * shape.columns + id.x;
  ${statements}
}
`;
}
