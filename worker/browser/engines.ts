// The registry of engines in browsers: a new one is a file and a line below. That of Node is ../engines/index.ts.
import type { EngineKind } from '../../shared/contracts.ts';
import { reference } from '../engines/reference.ts';
import { choicesOf } from '../engines/registry.ts';
import { wasm } from '../engines/wasm.ts';
import { tfjs } from './tfjs.ts';
import { webgpu } from './webgpu.ts';

/** In this order they are tried. */
const engines = {
  wasm,
  webgpu,
  tfjs,
  reference,
} satisfies Record<string, EngineKind>;

export const engineChoices = choicesOf(engines);
