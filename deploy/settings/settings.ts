// Where the value of an option comes from: a flag, before the environment, before the file, before the default.
import { Parser } from 'yargs/helpers';
import type { Command } from '../command.ts';
import { CliError } from '../exit-codes.ts';
import type { Environment } from '../terminal/style.ts';
import { settingsInFile } from './config-file.ts';
import { settingsInEnvironment } from './environment.ts';
import { commonOptions, type OptionTable, secretOption } from './options.ts';

type Origin =
  | { readonly kind: 'flag' }
  | { readonly kind: 'environment'; readonly variable: string }
  | { readonly kind: 'file'; readonly path: string };

export interface Setting {
  readonly value: unknown;
  readonly origin: Origin;
}

/** What somebody set, by the names of options. */
export type Settings = ReadonlyMap<string, Setting>;

export interface SettingsSource {
  /** Of the command line. */
  readonly words: readonly string[];
  readonly env: Environment;
  /** Of all commands. */
  readonly all: OptionTable;
}

/** Throws CliError for a file that cannot be used, and for what an option does not take. */
export function readSettings({ options }: Command, { words, env, all }: SettingsSource): Settings {
  const flags = flagsIn(words, { ...options, ...commonOptions });
  const environment = settingsInEnvironment({ ...options, config: commonOptions.config }, env);
  const path = (flags.get('config') ?? environment.get('config'))?.value;
  const file = typeof path === 'string' ? settingsInFile(path, options, all) : [];
  return new Map([...file, ...environment, ...flags]);
}

/** What yargs does not find among the flags. */
export function besidesFlags(settings: Settings): Record<string, unknown> {
  const others = [...settings].filter(([name, { origin }]) => {
    return origin.kind !== 'flag' && name !== secretOption;
  });
  return Object.fromEntries(others.map(([name, { value }]) => [name, value]));
}

/** A complaint about `--batch-size`, told of where its value was written. */
export function toldByOrigin(error: unknown, settings: Settings): unknown {
  if (!(error instanceof CliError)) return error;
  const [flag, name] = /^--([a-z0-9-]+)/.exec(error.message) ?? [];
  const setting = name === undefined ? undefined : settings.get(name);
  if (flag === undefined || setting === undefined || setting.origin.kind === 'flag') return error;
  const message = `${originText(setting.origin)}: ${error.message}`;
  return new CliError(error.code, message, { hint: error.hint, cause: error });
}

export function originText(origin: Origin): string {
  switch (origin.kind) {
    case 'flag':
      return 'flag';
    case 'environment':
      return origin.variable;
    case 'file':
      return origin.path;
    default:
      return origin satisfies never;
  }
}

/** Those that stand on the command line; of one that comes twice the last. */
function flagsIn(words: readonly string[], options: OptionTable): Settings {
  const entries = Object.entries(options);
  const named = (type: string) => entries.filter(([, option]) => option.type === type);
  const namesOf = (some: typeof entries) => some.map(([name]) => name);
  const parsed = Parser([...words], {
    alias: Object.fromEntries(entries.map(([name, { alias = [] }]) => [name, [alias].flat()])),
    array: namesOf(entries.filter(([, { array }]) => array)),
    boolean: namesOf(named('boolean')),
    number: namesOf(named('number')),
    string: namesOf(entries.filter(([, { type }]) => type === 'string' || type === undefined)),
    configuration: { 'camel-case-expansion': false },
  });
  const given = entries.filter(([name]) => name in parsed);
  return new Map(given.map(([name]) => [name, { value: parsed[name], origin: { kind: 'flag' } }]));
}
