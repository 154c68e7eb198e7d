import { watchRun } from '../../worker/watch-run.ts';
import { defineCommand } from '../command.ts';
import { parseCoordinatorUrl } from '../coordinator-url.ts';
import { CliError, type ExitCode } from '../exit-codes.ts';
import { onInterrupt } from '../interrupt.ts';
import { outputOptions } from '../serve-options.ts';
import { createReporter } from '../terminal/reporter.ts';

export const watch = defineCommand({
  usage: 'watch <url>',
  describe: 'See a run as it happens, from anywhere',
  positionals: {
    url: { type: 'string', describe: 'The coordinator, as it printed it', demandOption: true },
  },
  options: outputOptions,
  examples: [
    ['$0 watch http://lab:7070', 'Until the run ends'],
    ['$0 watch http://lab:7070 --json', 'For programs'],
  ],
  async run({ url, json, quiet }): Promise<ExitCode> {
    const coordinator = parseCoordinatorUrl(url);
    const mode = json ? 'json' : quiet ? 'quiet' : 'human';
    const { stdout, stderr, env } = process;
    const reporter = createReporter({ stdout, stderr, mode, env });
    const watching = watchRun(coordinator, {
      onEvent: (event) => reporter.event(event),
      onAway: (why) => {
        stderr.write(`${why} at ${coordinator}; trying again until it works (Ctrl-C ends)\n`);
      },
      onBack: () => stderr.write(`connected to ${coordinator} again\n`),
    });
    const ignore = onInterrupt(watching.close);
    const ending = await watching.ending;
    reporter.close();
    ignore();
    if (ending.kind === 'refused') {
      throw new CliError('refused', `${coordinator} cannot be watched: ${ending.detail}.`);
    }
    return ending.kind === 'ended' ? 'ok' : 'interrupted';
  },
});
