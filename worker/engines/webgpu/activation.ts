// Functions that work on every value by itself, and the way back through them.
import type { ActivationLayer } from '../../../shared/model/model.ts';
import type { Dispatch } from './dispatch.ts';
import { elementwise } from './elementwise.ts';

/** In WGSL: `value` and `derivative` of x. Nothing overflows: what an exponential would make infinite is cut off. */
const functions: Readonly<Record<ActivationLayer['kind'], string>> = {
  relu: `
fn value(x: f32) -> f32 { return max(x, 0.0); }
fn derivative(x: f32) -> f32 { return select(0.0, 1.0, x > 0.0); }
`,
  // The built-in one may be off by 1e-5.
  tanh: `
fn value(x: f32) -> f32 { return 1.0 - 2.0 / (exp(2.0 * clamp(x, -20.0, 20.0)) + 1.0); }
fn derivative(x: f32) -> f32 { return 1.0 - value(x) * value(x); }
`,
  sigmoid: `
fn value(x: f32) -> f32 { return 1.0 / (1.0 + exp(-clamp(x, -40.0, 40.0))); }
fn derivative(x: f32) -> f32 { return value(x) * (1.0 - value(x)); }
`,
  // x * Phi(x) with Phi(x) = (1 + erf(x / sqrt(2))) / 2; the derivative is Phi(x) + x * phi(x).
  // The error function by Abramowitz and Stegun 7.1.26, off by 1.5e-7 at most.
  gelu: `
fn value(x: f32) -> f32 { return x * below(x); }
fn derivative(x: f32) -> f32 { return below(x) + x * bell(x) * ${1 / Math.sqrt(2 * Math.PI)}; }
fn bell(x: f32) -> f32 { let near = clamp(x, -9.0, 9.0); return exp(-0.5 * near * near); }
fn below(x: f32) -> f32 {
  let t = 1.0 / (1.0 + 0.3275911 * abs(x) * ${Math.SQRT1_2});
  let series = 0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)));
  let beyond = 0.5 * t * series * bell(x);
  return select(beyond, 1.0 - beyond, x > 0.0);
}
`,
};

interface ActivationPlace {
  /** Of every matrix here. */
  readonly rows: number;
  readonly columns: number;
  readonly input: string;
}

/** `output` is the function of `input`. */
export function activate(
  { kind }: ActivationLayer,
  { rows, columns, input, output }: ActivationPlace & { readonly output: string },
): Dispatch {
  return elementwise({
    rows,
    columns,
    buffers: { input, output },
    code: `${functions[kind]}
fn compute(at: u32, column: u32) { output[at] = value(input[at]); }
`,
  });
}

interface SlopePlace extends ActivationPlace {
  readonly outputSlope: string;
  readonly inputSlope: string;
}

/** `inputSlope` is `outputSlope` times the derivative at `input`. */
export function activationSlope(
  { kind }: ActivationLayer,
  { rows, columns, input, outputSlope, inputSlope }: SlopePlace,
): Dispatch {
  return elementwise({
    rows,
    columns,
    buffers: { input, outputSlope, inputSlope },
    code: `${functions[kind]}
fn compute(at: u32, column: u32) { inputSlope[at] = outputSlope[at] * derivative(input[at]); }
`,
  });
}
