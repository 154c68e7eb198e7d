// The registry of engines: a new one is a file here and a line below. Each loads its packages when it is
// created, so that a machine needs those of the engine that it uses.
import type { EngineKind } from '../../shared/contracts.ts';
import { onnx } from './onnx.ts';
import { reference } from './reference.ts';
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

/** An engine and what it runs on. */
export interface EngineChoice {
  /** `onnx:cpu` */
  readonly spec: string;
  readonly kind: EngineKind;
  readonly provider: string;
}

/** Every engine on everything that it could run on. */
export const engineChoices: readonly EngineChoice[] = Object.entries(engines).flatMap(
  ([name, kind]: [string, EngineKind]) =>
    kind.providers.map((provider) => ({ spec: `${name}:${provider}`, kind, provider })),
);

/** What may be asked for: `onnx` is short for the first of its providers. */
export const engineSpecs: readonly string[] = [
  ...Object.keys(engines),
  ...engineChoices.map(({ spec }) => spec),
];

/** Throws RangeError for what is not among `engineSpecs`. */
export function engineOf(spec: string): EngineChoice {
  const choice = engineChoices.find((known) => {
    return known.spec === spec || known.spec.split(':')[0] === spec;
  });
  if (choice === undefined) throw new RangeError(`there is no engine ${spec}`);
  return choice;
}
