// Puts functions together into a module.
import { type Code, list, sized, text, unsigned } from './encoding.ts';
import type { Local } from './instructions.ts';

type ValueType = 'i32' | 'v128';

/** A function of 32-bit integers that returns nothing. */
export interface AssembledFunction {
  readonly name: string;
  readonly parameterCount: number;
  readonly locals: readonly ValueType[];
  readonly body: Code;
}

/** `body` is given the parameters by name, and a function that makes variables. */
export function assembleFunction<Name extends string>(
  name: string,
  parameterNames: readonly Name[],
  body: (parameters: Record<Name, Local>, newLocal: (type: ValueType) => Local) => Code[],
): AssembledFunction {
  const parameters = Object.fromEntries(parameterNames.map((each, index) => [each, { index }]));
  const parameterCount = parameterNames.length;
  const locals: ValueType[] = [];
  const newLocal = (type: ValueType) => ({ index: parameterCount + locals.push(type) - 1 });
  const code = body(parameters as Record<Name, Local>, newLocal).flat();
  return { name, parameterCount, locals, body: code };
}

const typeCodes: Readonly<Record<ValueType, number>> = { i32: 0x7f, v128: 0x7b };
const functionType = 0x60;
const functionEnd = 0x0b;
export const exportKinds = { function: 0, memory: 2 };
/** In the order in which a module must have them. */
export const sections = { type: 1, import: 2, function: 3, memory: 5, export: 7, code: 10 };
/** No maximum, and one page to begin with. */
export const memoryLimits = [0, 1];
/** `\0asm`, then the version. */
const header = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

/** A module that exports the functions under their names, and its memory, of one page, as `memory`. */
export function assembleModule(functions: readonly AssembledFunction[]): Uint8Array {
  const exported = [...text('memory'), exportKinds.memory, 0];
  return assemble(functions, { own: section(sections.memory, list([memoryLimits])), exported });
}

/** Of the memory that its functions work in. */
interface MemorySections {
  readonly imported?: Code;
  readonly own?: Code;
  readonly exported?: Code;
}

export function assemble(
  functions: readonly AssembledFunction[],
  { imported = [], own = [], exported }: MemorySections,
): Uint8Array {
  const types = functions.map(({ parameterCount }) => [
    functionType,
    ...list(Array.from({ length: parameterCount }, () => [typeCodes.i32])),
    ...list([]),
  ]);
  const exports = functions.map(({ name }, index) => [
    ...text(name),
    exportKinds.function,
    ...unsigned(index),
  ]);
  const bodies = functions.map(({ locals, body }) => {
    const declared = locals.map((type) => [1, typeCodes[type]]);
    return sized([...list(declared), ...body, functionEnd]);
  });
  return Uint8Array.from([
    ...header,
    ...section(sections.type, list(types)),
    ...imported,
    ...section(sections.function, list(functions.map((_, index) => unsigned(index)))),
    ...own,
    ...section(sections.export, list(exported ? [...exports, exported] : exports)),
    ...section(sections.code, list(bodies)),
  ]);
}

export function section(id: number, content: Code): Code {
  return [id, ...sized(content)];
}
