// The registry of engines: a new one is a file here and a line below. Each loads its packages when it is
// created, so that a machine needs those of the engine that it uses.
import type { EngineKind } from '../../shared/contracts.ts';
import { onnx } from './onnx.ts';
import { reference } from './reference.ts';

export const engines = {
  onnx,
  reference,
} satisfies Record<string, EngineKind>;

export type EngineName = keyof typeof engines;
export const engineNames = Object.keys(engines) as EngineName[];
