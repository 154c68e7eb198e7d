// The command line: finds the command, checks its flags, runs it, and turns every ending into an exit code.
import yargs, { type Argv } from 'yargs';
import { withoutTokens } from '../shared/join-link.ts';
import { type Command, camelCase } from './command.ts';
import { coordinatorCommand } from './commands/coordinator.ts';
import { doctor } from './commands/doctor.ts';
import { evaluateCommand } from './commands/evaluate.ts';
import { exportCommand } from './commands/export.ts';
import { predict } from './commands/predict.ts';
import { runs } from './commands/runs.ts';
import { train } from './commands/train.ts';
import { watch } from './commands/watch.ts';
import { worker } from './commands/worker.ts';
import { toCliError } from './errors.ts';
import { CliError, type ExitCode, exitCodes } from './exit-codes.ts';
import { nearest, suggestFlag } from './suggest.ts';
import { createStyle } from './terminal/style.ts';

const commands: readonly Command[] = [
  train,
  coordinatorCommand,
  worker,
  watch,
  evaluateCommand,
  predict,
  exportCommand,
  runs,
  doctor,
];

/** What still holds the process this long after its command ended is not waited for. */
const lingerMs = 3000;

export async function main(words: readonly string[] = process.argv.slice(2)): Promise<void> {
  let ending: ExitCode;
  // Whoever reads may have seen enough, as in `tutti runs | head`: no reason to fall over.
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
    // Of a flag that comes twice the last one counts.
    .parserConfiguration({ 'duplicate-arguments-array': false })
    .demandCommand(1, 'Say what to do: a command is missing.')
    .alias({ help: 'h', version: 'v' })
    .wrap(Math.min(100, process.stdout.columns || 100))
    .epilogue(exitCodeHelp())
    .exitProcess(false)
    .fail((message, error) => {
      throw error ?? usageError(message, words);
    });
  for (const command of commands) {
    parser.command({
      command: command.usage,
      describe: command.describe,
      builder: (argv: Argv) => describe(argv, command),
      handler: async (args) => {
        ending = await command.run(declared(args, command));
      },
    });
  }
  await parser.parseAsync();
  return ending;
}

function describe(argv: Argv, command: Command): Argv {
  for (const [name, options] of Object.entries(command.positionals)) {
    argv.positional(name, options as Parameters<Argv['positional']>[1]);
  }
  argv.options(command.options);
  for (const [line, what] of command.examples) argv.example(line, what);
  return argv.epilogue(exitCodeHelp());
}

/** Without yargs's second spellings, aliases and bookkeeping. */
function declared(
  args: Readonly<Record<string, unknown>>,
  { positionals, options }: Command,
): Record<string, unknown> {
  const names = [...Object.keys(positionals), ...Object.keys(options)];
  return Object.fromEntries(names.map((name) => [camelCase(name), args[name]]));
}

function exitCodeHelp(): string {
  const codes = Object.values(exitCodes).map(({ status, meaning }) => `  ${status}  ${meaning}`);
  return `Exit codes:\n${codes.join('\n')}`;
}

function usageError(message: string, words: readonly string[]): CliError {
  const name = words.find((word) => !word.startsWith('-'));
  const command = commands.find(({ usage }) => usage.split(' ')[0] === name);
  if (command === undefined) {
    const names = commands.map(({ usage }) => usage.split(' ')[0]);
    const meant = name === undefined ? undefined : nearest(name, names);
    return new CliError('usage', name ? `there is no command "${name}".` : message, {
      hint: meant ? `Did you mean: tutti ${meant}` : 'See: tutti --help',
    });
  }
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
