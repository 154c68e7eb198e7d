// The command line: finds the command, checks its flags, runs it, and turns every ending into an exit code.
import yargs, { type Argv } from 'yargs';
import { withoutTokens } from '../shared/join-link.ts';
import { type Command, type CommandGroup, camelCase } from './command.ts';
import { control } from './commands/control.ts';
import { coordinatorCommand } from './commands/coordinator.ts';
import { dashboard } from './commands/dashboard.ts';
import { doctor } from './commands/doctor.ts';
import { evaluateCommand } from './commands/evaluate.ts';
import { predict } from './commands/predict.ts';
import { runs } from './commands/runs.ts';
import { train } from './commands/train.ts';
import { watch } from './commands/watch.ts';
import { worker } from './commands/worker.ts';
import { toCliError } from './errors.ts';
import { CliError, type ExitCode, exitCodes } from './exit-codes.ts';
import { unknownVariables } from './settings/environment.ts';
import { commonOptions, type OptionTable, optionsOf } from './settings/options.ts';
import { settingsText } from './settings/print.ts';
import { besidesFlags, readSettings, type Settings, toldByOrigin } from './settings/settings.ts';
import { nearest, suggestFlag } from './suggest.ts';
import { createLog, type LogFormat, logLine } from './terminal/log.ts';
import { createStyle } from './terminal/style.ts';

export const commands: readonly (Command | CommandGroup)[] = [
  train,
  coordinatorCommand,
  worker,
  watch,
  control,
  evaluateCommand,
  predict,
  runs,
  dashboard,
  doctor,
];

/** What still holds the process this long after its command ended is not waited for. */
const lingerMs = 3000;

/** What is known of a call before its command runs. */
interface Call {
  readonly words: readonly string[];
  logFormat: LogFormat;
  ending: ExitCode;
  /** Runs it; where it is only looked at, what is wrong with it has been thrown by then. */
  readonly run: (command: Command, args: Readonly<Record<string, unknown>>) => Promise<ExitCode>;
}

export async function main(words: readonly string[] = process.argv.slice(2)): Promise<void> {
  const call: Call = {
    words,
    logFormat: 'text',
    ending: 'ok',
    run: (command, args) => command.run(args),
  };
  // Whoever reads may have seen enough, as in `tutti runs ls | head`: no reason to fall over.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  try {
    await parse(call);
  } catch (error) {
    const known = toCliError(error);
    // A link that was mistyped is quoted as far as it is no secret.
    process.stderr.write(withoutTokens(complaint(known, call.logFormat)));
    call.ending = known.code;
  }
  process.exitCode = exitCodes[call.ending].status;
  process.disconnect?.();
  setTimeout(() => process.exit(), lingerMs).unref();
}

/** Throws CliError for words that are no call of tutti, or are one that lacks something; runs nothing. */
export async function checkWords(words: readonly string[]): Promise<void> {
  await parse({ words, logFormat: 'text', ending: 'ok', run: async () => 'ok' });
}

function complaint({ message, hint }: CliError, format: LogFormat): string {
  if (format === 'json') return logLine('error', message, { hint });
  const style = createStyle(process.stderr, process.env);
  return `${[`${style.red('tutti:')} ${message}`, ...(hint ? [hint] : [])].join('\n')}\n`;
}

async function parse(call: Call): Promise<void> {
  const { words } = call;
  const parser = yargs([...words])
    .scriptName('tutti')
    .usage('$0 <command>\n\nTrains one neural network on every computer that joins.')
    .strict()
    .demandCommand(1, 'Say what to do: a command is missing.')
    .alias({ help: 'h', version: 'v' })
    .wrap(Math.min(100, process.stdout.columns || 100))
    .epilogue(exitCodeHelp())
    .exitProcess(false)
    .fail((message, error) => {
      throw error ?? usageError(message, words);
    });
  for (const command of commands) register(parser, command, command.usage, call);
  await parser.parseAsync();
}

function register(
  parser: Argv,
  command: Command | CommandGroup,
  usage: string | readonly string[],
  call: Call,
): void {
  let settings: Settings = new Map();
  parser.command({
    command: usage,
    describe: command.describe,
    builder: (argv: Argv) => {
      if ('commands' in command) return describeGroup(argv, command, call);
      settings = settingsOf(command, call);
      return describe(argv, command).config(besidesFlags(settings));
    },
    handler: async (args) => {
      if ('commands' in command) return;
      if (args.printConfig) return console.log(settingsText(command, settings));
      try {
        call.ending = await call.run(command, declared(args, command));
      } catch (error) {
        throw toldByOrigin(error, settings);
      }
    },
  });
}

/** Of the environment and the configuration file, too. Help is there whatever they say. */
function settingsOf(command: Command, call: Call): Settings {
  const { words } = call;
  if (words.includes('--help') || words.includes('-h')) return new Map();
  const all = optionsOf(commands.flatMap((one) => ('commands' in one ? one.commands : [one])));
  const settings = readSettings(command, { words, env: process.env, all });
  call.logFormat = (settings.get('log-format')?.value ?? call.logFormat) as LogFormat;
  const { warn } = createLog(call.logFormat);
  for (const message of unknownVariables(all, process.env)) warn(message);
  return settings;
}

function describeGroup(argv: Argv, { commands }: CommandGroup, call: Call): Argv {
  for (const [place, command] of commands.entries()) {
    register(argv, command, place === 0 ? [command.usage, '$0'] : command.usage, call);
    // The first one is meant by the group itself, and brings its own.
    if (place > 0) for (const [line, what] of command.examples) argv.example(line, what);
  }
  return argv.epilogue(exitCodeHelp());
}

function describe(argv: Argv, command: Command): Argv {
  for (const [name, options] of Object.entries(command.positionals)) {
    argv.positional(name, options as Parameters<Argv['positional']>[1]);
  }
  argv.options({ ...command.options, ...commonOptions });
  for (const [line, what] of command.examples) argv.example(line, what);
  return argv.epilogue(exitCodeHelp());
}

/** Without yargs's second spellings, aliases and bookkeeping. Of a flag that comes twice the last one counts. */
function declared(
  args: Readonly<Record<string, unknown>>,
  { positionals, options }: Command,
): Record<string, unknown> {
  const entries = Object.entries({ ...positionals, ...options }).map(([name, { array }]) => {
    const value = args[name];
    return [camelCase(name), Array.isArray(value) && !array ? value.at(-1) : value];
  });
  return Object.fromEntries(entries);
}

function exitCodeHelp(): string {
  const codes = Object.values(exitCodes).map(({ status, meaning }) => `  ${status}  ${meaning}`);
  return `Exit codes:\n${codes.join('\n')}`;
}

function usageError(message: string, words: readonly string[]): CliError {
  const [name, next] = words.filter((word) => !word.startsWith('-'));
  const command = named(commands, name);
  if (command === undefined) return noCommand(message, '', name, commands);
  if (!('commands' in command)) return flagError(message, name, command);
  const inner = named(command.commands, next);
  if (inner) return flagError(message, `${name} ${next}`, inner);
  if (next === undefined) return flagError(message, name, command.commands[0]);
  return noCommand(message, `${name} `, next, command.commands);
}

function named<Entry extends Command | CommandGroup>(
  entries: readonly Entry[],
  name: string | undefined,
): Entry | undefined {
  return entries.find(({ usage }) => usage.split(' ')[0] === name);
}

function noCommand(
  message: string,
  group: string,
  name: string | undefined,
  known: readonly (Command | CommandGroup)[],
): CliError {
  const names = known.map(({ usage }) => usage.split(' ')[0]);
  const meant = name === undefined ? undefined : nearest(name, names);
  return new CliError('usage', name ? `there is no command "${group}${name}".` : message, {
    hint: meant ? `Did you mean: tutti ${group}${meant}` : `See: tutti ${group}--help`,
  });
}

/** `name` is the whole of it: `runs show`. */
function flagError(message: string, name: string, command: Command): CliError {
  const [, unknown] = /^Unknown arguments?: ([^,]+)/.exec(message) ?? [];
  const meant = unknown && suggestFlag(unknown, knownFlags(command));
  const see = `See: tutti ${name} --help`;
  return new CliError('usage', unknown ? `"${unknown}" is not an option of ${name}.` : message, {
    hint: meant ? `Did you mean ${meant}? ${see}` : see,
  });
}

function knownFlags({ options }: Command): string[] {
  const all: OptionTable = { ...options, ...commonOptions };
  return Object.entries(all).flatMap(([name, { alias = [], type }]) => {
    return [name, ...[alias].flat(), ...(type === 'boolean' ? [`no-${name}`] : [])];
  });
}
