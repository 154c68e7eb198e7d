// The registry of engines in Node: a new one is a file here and a line below. Each loads its packages when it is
// created, so that a machine needs those of the engine that it uses. That of browsers is ../browser/engines.ts.
import type { EngineKind } from '../../shared/contracts.ts';
import { auto } from './choose.ts';
import { onnx } from './onnx.ts';
import { reference } from './reference.ts';
import { choicesOf, type EngineChoice, findChoice } from './registry.ts';
import { tfjs } from './tfjs.ts';
import { wasm } from './wasm.ts';
import { webgpu } from './webgpu.ts';

/** In this order they are tried, and shown. */
export const engines = {
  onnx,
  tfjs,
  wasm,
  webgpu,
  reference,
} satisfies Record<string, EngineKind>;

export const engineChoices: readonly EngineChoice[] = choicesOf(engines);

/** What may be asked for: `onnx` is short for the first of its providers. */
export const engineSpecs: readonly string[] = [
  ...Object.keys(engines),
  ...engineChoices.map(({ spec }) => spec),
];

/** Throws RangeError for what is not among `engineSpecs`. */
export function engineOf(spec: string): EngineChoice {
  return findChoice(engineChoices, spec);
}

/** With its provider: `onnx` is short for `onnx:cpu`. */
export function specOf(spec: string): string {
  return spec === auto ? auto : engineOf(spec).spec;
}
