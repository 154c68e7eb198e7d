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
import { nearest, suggestFlag } from './suggest.ts';
import { createStyle } from './terminal/style.ts';

const commands: readonly (Command | CommandGroup)[] = [
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

export async function main(words: readonly string[] = process.argv.slice(2)): Promise<void> {
  let ending: ExitCode;
  // Whoever reads may have seen enough, as in `tutti runs ls | head`: no reason to fall over.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  try {
    ending = await runCommand(words);
  } catch (error) {
    const known = toCliError(error);
    const style = createStyle(process.stderr, process.env);
    const lines = [`${style.red('tutti:')} ${known.message}`, ...(known.hint ? [known.hint] : [])];
    // A link that was mistyped is quoted as far as it is no secret.
    process.stderr.write(`${withoutTokens(lines.join('\n'))}\n`);
    ending = known.code;
  }
  process.exitCode = exitCodes[ending].status;
  process.disconnect?.();
  setTimeout(() => process.exit(), lingerMs).unref();
}

async function runCommand(words: readonly string[]): Promise<ExitCode> {
  let ending: ExitCode = 'ok';
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
  const onEnding = (code: ExitCode): void => {
    ending = code;
  };
  for (const command of commands) register(parser, command, command.usage, onEnding);
  await parser.parseAsync();
  return ending;
}

function register(
  parser: Argv,
  command: Command | CommandGroup,
  usage: string | readonly string[],
  onEnding: (code: ExitCode) => void,
): void {
  parser.command({
    command: usage,
    describe: command.describe,
    builder: (argv: Argv) =>
      'commands' in command ? describeGroup(argv, command, onEnding) : describe(argv, command),
    handler: async (args) => {
      if (!('commands' in command)) onEnding(await command.run(declared(args, command)));
    },
  });
}

function describeGroup(
  argv: Argv,
  { commands }: CommandGroup,
  onEnding: (code: ExitCode) => void,
): Argv {
  for (const [place, command] of commands.entries()) {
    register(argv, command, place === 0 ? [command.usage, '$0'] : command.usage, onEnding);
    // The first one is meant by the group itself, and brings its own.
    if (place > 0) for (const [line, what] of command.examples) argv.example(line, what);
  }
  return argv.epilogue(exitCodeHelp());
}

function describe(argv: Argv, command: Command): Argv {
  for (const [name, options] of Object.entries(command.positionals)) {
    argv.positional(name, options as Parameters<Argv['positional']>[1]);
  }
  argv.options(command.options);
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
  return Object.entries(options).flatMap(([name, { alias = [], type }]) => {
    return [name, ...[alias].flat(), ...(type === 'boolean' ? [`no-${name}`] : [])];
  });
}
