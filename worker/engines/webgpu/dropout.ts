// Dropout: the mask comes from outside, so that every engine leaves out the same values.
import type { Dispatch } from './dispatch.ts';
import { elementwise } from './elementwise.ts';

interface MatrixPlace {
  readonly rows: number;
  readonly columns: number;
  readonly input: string;
  readonly output: string;
}

/** `output` is `input` times the mask, value by value: forward with values, backward with slopes. */
export function applyMask(place: MatrixPlace & { readonly mask: string }): Dispatch {
  const { rows, columns, input, mask, output } = place;
  return elementwise({
    rows,
    columns,
    buffers: { input, mask, output },
    code: 'fn compute(at: u32, column: u32) { output[at] = input[at] * mask[at]; }',
  });
}

/** What is left of dropout in a prediction. */
export function copyValues({ rows, columns, input, output }: MatrixPlace): Dispatch {
  return elementwise({
    rows,
    columns,
    buffers: { input, output },
    code: 'fn compute(at: u32, column: u32) { output[at] = input[at]; }',
  });
}
