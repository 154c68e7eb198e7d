// The form of a command: what the help shows, what yargs checks, and what runs.
import type { InferredOptionTypes, Options } from 'yargs';
import type { ExitCode } from './exit-codes.ts';

type OptionTable = Readonly<Record<string, Options>>;

export interface Command {
  /** Name and positionals, as yargs writes them: `worker <url>`. */
  readonly usage: string;
  readonly describe: string;
  readonly positionals: OptionTable;
  readonly options: OptionTable;
  readonly examples: readonly (readonly [command: string, what: string])[];
  /** Gets the declared arguments alone, in camel case. */
  run(args: Readonly<Record<string, unknown>>): Promise<ExitCode>;
}

/** Several commands under one name, as `runs show`; the first is meant where none is named. */
export interface CommandGroup {
  readonly usage: string;
  readonly describe: string;
  readonly commands: readonly Command[];
}

type CamelCase<Name extends string> = Name extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name;

/** What yargs makes of a table of options. */
export type ValuesOf<Table extends OptionTable> = {
  readonly [Name in keyof Table & string as CamelCase<Name>]: InferredOptionTypes<Table>[Name];
};

interface TypedCommand<Positionals extends OptionTable, Flags extends OptionTable>
  extends Omit<Command, 'run'> {
  readonly positionals: Positionals;
  readonly options: Flags;
  run(args: ValuesOf<Positionals> & ValuesOf<Flags>): Promise<ExitCode>;
}

/** The types of `run`'s arguments follow from the options: yargs has checked them by then. */
export function defineCommand<
  const Positionals extends OptionTable,
  const Flags extends OptionTable,
>(command: TypedCommand<Positionals, Flags>): TypedCommand<Positionals, Flags> & Command {
  return command as TypedCommand<Positionals, Flags> & Command;
}

export function camelCase(name: string): string {
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

export function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
