// A module that works in the memory of another.
import { list, text } from './encoding.ts';
import {
  type AssembledFunction,
  assemble,
  exportKinds,
  memoryLimits,
  section,
  sections,
} from './module.ts';

/** Exports the functions under their names, and imports `memory.memory`. */
export function assembleGuest(functions: readonly AssembledFunction[]): Uint8Array {
  const memory = [...text('memory'), ...text('memory'), exportKinds.memory, ...memoryLimits];
  return assemble(functions, { imported: section(sections.import, list([memory])) });
}
