// Options from variables of the environment: TUTTI_BATCH_SIZE=128 for --batch-size 128.
import { CliError } from '../exit-codes.ts';
import type { Environment } from '../terminal/style.ts';
import { valueFromText } from './option-values.ts';
import { didYouMean, type OptionTable, variableOf } from './options.ts';
import type { Setting, Settings } from './settings.ts';

const prefix = 'TUTTI_';

/** An empty variable counts as unset. Throws CliError for a value that its option does not take. */
export function settingsInEnvironment(options: OptionTable, env: Environment): Settings {
  const settings = new Map<string, Setting>();
  for (const [name, option] of Object.entries(options)) {
    const variable = variableOf(name);
    const text = env[variable];
    if (!text) continue;
    try {
      const value = valueFromText(option, text);
      settings.set(name, { value, origin: { kind: 'environment', variable } });
    } catch (cause) {
      throw new CliError('usage', `${variable}: ${(cause as Error).message}.`, { cause });
    }
  }
  return settings;
}

/** What was meant for tutti and is for none of its commands. Others may name theirs so, too: it is no error. */
export function unknownVariables(all: OptionTable, env: Environment): string[] {
  const known = Object.keys(all).map(variableOf);
  return Object.keys(env)
    .filter((name) => name.startsWith(prefix) && !known.includes(name))
    .map((name) => `${name} is no option of tutti.${didYouMean(name, known)}`);
}
