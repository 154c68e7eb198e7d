// Engines by their names, and what each can run on. Every place has a registry of those that it can load.
import type { EngineKind } from '../../shared/contracts.ts';

/** An engine and what it runs on. */
export interface EngineChoice {
  /** `onnx:cpu` */
  readonly spec: string;
  readonly kind: EngineKind;
  readonly provider: string;
}

/** Every engine on everything that it could run on, in the order of the registry. */
export function choicesOf(engines: Readonly<Record<string, EngineKind>>): readonly EngineChoice[] {
  return Object.entries(engines).flatMap(([name, kind]) =>
    kind.providers.map((provider) => ({ spec: `${name}:${provider}`, kind, provider })),
  );
}

/** `onnx` is short for the first of its providers. Throws RangeError for what is not among `choices`. */
export function findChoice(choices: readonly EngineChoice[], spec: string): EngineChoice {
  const choice = choices.find((known) => known.spec === spec || known.spec.split(':')[0] === spec);
  if (choice === undefined) throw new RangeError(`there is no engine ${spec}`);
  return choice;
}
