// Options from a file: one JSON object, its keys the names of options. One file may do for several commands.
import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { CliError } from '../exit-codes.ts';
import { valueFromJson } from './option-values.ts';
import { commonOptions, didYouMean, type OptionTable, secretOption } from './options.ts';
import type { Setting, Settings } from './settings.ts';

const contentSchema = v.pipe(
  v.unknown(),
  v.check((content) => !Array.isArray(content)),
  v.record(v.string(), v.unknown()),
);

/** Keys of other commands are passed over. Throws CliError for what is no key of any, and for wrong values. */
export function settingsInFile(path: string, options: OptionTable, all: OptionTable): Settings {
  const settings = new Map<string, Setting>();
  for (const [key, json] of Object.entries(readContent(path))) {
    refuseStrangeKey(path, key, all);
    const option = options[key];
    if (option === undefined) continue;
    try {
      settings.set(key, { value: valueFromJson(option, json), origin: { kind: 'file', path } });
    } catch (cause) {
      throw new CliError('usage', `"${key}" in ${path}: ${(cause as Error).message}.`, { cause });
    }
  }
  return settings;
}

function readContent(path: string): Readonly<Record<string, unknown>> {
  try {
    return v.parse(contentSchema, JSON.parse(readFileSync(path, 'utf8')));
  } catch (cause) {
    const reason = v.isValiError(cause) ? 'it is not one JSON object' : (cause as Error).message;
    throw new CliError('usage', `--config: ${path} cannot be used: ${reason}.`, { cause });
  }
}

function refuseStrangeKey(path: string, key: string, all: OptionTable): void {
  if (key === secretOption) {
    throw new CliError('usage', `"${key}" in ${path}: tokens are kept apart from options.`, {
      hint: 'Use TUTTI_TOKEN in the environment, or --token-file.',
    });
  }
  if (key in all && !(key in commonOptions)) return;
  throw new CliError('usage', `"${key}" in ${path} is no option of tutti.`, {
    hint: `Keys are the names of flags without their dashes.${didYouMean(key, Object.keys(all))}`,
  });
}
