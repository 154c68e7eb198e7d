// The options that every command has besides its own, and what they are called outside a command line.
import type { Options } from 'yargs';
import type { Command } from '../command.ts';
import { nearest } from '../suggest.ts';

const group = 'Settings:';

export const commonOptions = {
  config: {
    type: 'string',
    describe: 'JSON file of options by their names, such as {"batch-size": 128}',
    requiresArg: true,
    group,
  },
  'print-config': {
    type: 'boolean',
    describe: 'Print every option, its value and where that comes from, and end',
    group,
  },
} as const;

export type OptionTable = Readonly<Record<string, Options>>;

/** All that the environment may say to one of these commands. */
export function optionsOf(commands: readonly Command[]): OptionTable {
  const { config } = commonOptions;
  return Object.assign({ config }, ...commands.map(({ options }) => options));
}

/** Read where it is used, after the link; written into no file beside what everybody may read. */
export const secretOption = 'token';

/** `TUTTI_BATCH_SIZE` for `batch-size`. */
export function variableOf(name: string): string {
  return `TUTTI_${name.toUpperCase().replaceAll('-', '_')}`;
}

/** ` Did you mean ...?`, or nothing. */
export function didYouMean(unknown: string, known: readonly string[]): string {
  const meant = nearest(unknown, known);
  return meant === undefined ? '' : ` Did you mean ${meant}?`;
}
