import { runEventSchema } from '../../shared/events.ts';
import { agentFor } from '../../worker/pinned-agent.ts';
import { tlsFault } from '../../worker/tls-fault.ts';
import { webSocketFor } from '../../worker/unmasked-websocket.ts';
import { watchRun } from '../../worker/watch-run.ts';
import { guestOptions } from '../admission-options.ts';
import { defineCommand } from '../command.ts';
import { parseDestination } from '../coordinator-url.ts';
import { CliError, type ExitCode } from '../exit-codes.ts';
import { onInterrupt } from '../interrupt.ts';
import { outputOptions } from '../serve-options.ts';
import { onKeys } from '../terminal/keys.ts';
import { createReporter } from '../terminal/reporter.ts';
import { watchBlock } from '../terminal/watch-block.ts';

export const watch = defineCommand({
  usage: 'watch <url>',
  describe: 'See a run as it happens, from anywhere',
  positionals: {
    url: { type: 'string', describe: 'The link that the coordinator printed', demandOption: true },
  },
  options: { ...guestOptions, ...outputOptions },
  examples: [
    ['$0 watch http://lab:7070', 'Until the run ends'],
    ['$0 watch http://lab:7070 --json', 'For programs'],
  ],
  async run({ url, json, quiet, logFormat, ...guest }): Promise<ExitCode> {
    const { url: coordinator, token, tlsFingerprint } = parseDestination(url, guest);
    const mode = json ? 'json' : quiet ? 'quiet' : 'human';
    const { stdout, stderr, env } = process;
    // Where one link lets us watch, it is not ours to say how others come in.
    const doors = { kind: token === undefined ? 'open' : 'private' } as const;
    const reporter = createReporter({
      stdout,
      stderr,
      mode,
      logFormat,
      env,
      doors,
      block: watchBlock,
    });
    const watching = watchRun(
      coordinator,
      {
        onEvent: (event) => reporter.event(event),
        onAway: (why) => {
          reporter.say(`${why} at ${coordinator}; trying again until it works (Ctrl-C ends)`);
        },
        onBack: () => reporter.say(`connected to ${coordinator} again`),
      },
      {
        schema: runEventSchema,
        token,
        webSocket: webSocketFor(agentFor(tlsFingerprint)),
        faultOf: tlsFault,
      },
    );
    let hasQuit = false;
    const ignoreSignals = onInterrupt(watching.close);
    const ignoreKeys = onKeys(process.stdin, (key) => {
      hasQuit = key === 'q';
      watching.close();
    });
    const ending = await watching.ending;
    reporter.close();
    ignoreKeys();
    ignoreSignals();
    if (ending.kind === 'refused') {
      throw new CliError('refused', `${coordinator} cannot be watched: ${ending.detail}.`);
    }
    return ending.kind === 'ended' || hasQuit ? 'ok' : 'interrupted';
  },
});
