import { hostname } from 'node:os';
import { startNodeWorker } from '../../worker/node.ts';
import type { WorkerEnding } from '../../worker/worker.ts';
import { guestOptions } from '../admission-options.ts';
import { defineCommand } from '../command.ts';
import { type Destination, parseDestination } from '../coordinator-url.ts';
import { CliError, type ExitCode } from '../exit-codes.ts';
import { statusOfGuest } from '../guest-ending.ts';
import { onInterrupt, pause } from '../interrupt.ts';
import { engineOption } from '../serve-options.ts';
import { superviseWorkers } from '../supervisor.ts';
import { createLog, type Log, logFormatOption } from '../terminal/log.ts';

export const worker = defineCommand({
  usage: 'worker <url>',
  describe: 'Compute for a coordinator; may join and leave at any time',
  positionals: {
    url: { type: 'string', describe: 'The link that the coordinator printed', demandOption: true },
  },
  options: {
    procs: {
      type: 'number',
      describe: 'Worker processes to start',
      default: 1,
      requiresArg: true,
    },
    name: {
      type: 'string',
      describe: 'How others see it',
      defaultDescription: 'host name and process number',
      requiresArg: true,
    },
    ...guestOptions,
    engine: engineOption,
    cache: {
      type: 'string',
      describe: 'Folder for the training data',
      defaultDescription: "the user's cache folder",
      requiresArg: true,
    },
    stay: {
      type: 'boolean',
      describe: 'Wait for the next run when one has ended or was stopped',
    },
    'log-format': logFormatOption,
  },
  examples: [
    ["$0 worker 'http://192.168.1.5:7070/#t=TOKEN'", 'Join with one process'],
    ["$0 worker 'http://lab:7070/#t=TOKEN' --procs 4", 'Join with four'],
  ],
  async run({ url, procs, name, engine, cache, stay, logFormat, ...guest }) {
    const log = createLog(logFormat);
    const coordinator = parseDestination(url, guest);
    if (!Number.isSafeInteger(procs) || procs < 1) {
      throw new CliError('usage', `--procs: expected a whole number from 1, got ${procs}.`);
    }
    const work = (): Promise<ExitCode> =>
      procs === 1
        ? workHere(coordinator, log, { name, engine, cacheDirectory: cache })
        : superviseMany(coordinator, log, procs, name ?? hostname(), [
            '--engine',
            engine,
            ...(cache === undefined ? [] : ['--cache', cache]),
          ]);
    for (;;) {
      const ending = await work();
      if (!stay || ending !== 'ok') return ending;
      if ((await pause(betweenRunsMs)) === 'interrupted') return 'interrupted';
    }
  },
});

/** A completed run may be looked at for a while, and would only say again that it is over. */
const betweenRunsMs = 2000;

async function workHere(
  coordinator: Destination,
  log: Log,
  options: Omit<Parameters<typeof startNodeWorker>[0], keyof Destination | 'log'>,
): Promise<ExitCode> {
  const here = startNodeWorker({
    ...options,
    ...coordinator,
    log: log.info,
    onEngine: tellSupervisor,
  });
  let isInterrupted = false;
  const leave = (): void => here.leave('its process was asked to end');
  const ignore = onInterrupt((signal) => {
    // A child of another tutti gets Ctrl-C with it, and is told by it when to go.
    if (process.connected && signal === 'SIGINT') return;
    isInterrupted = true;
    leave();
  });
  process.on('message', leave);
  process.on('disconnect', leave);
  const ending = await here.ending;
  ignore();
  if (isInterrupted) return 'interrupted';
  return statusOf(ending, coordinator.url, log);
}

function tellSupervisor(engine: string): void {
  if (process.connected) process.send?.({ engine });
}

/** Throws what a person has to know. */
function statusOf(ending: WorkerEnding, url: string, log: Log): ExitCode {
  if (ending.kind !== 'failed') return statusOfGuest('worker', ending, url, log);
  const { stage, error } = ending;
  const code = stage === 'training' ? 'failure' : stage;
  throw new CliError(code, error.message, { cause: error });
}

async function superviseMany(
  { url, ...credentials }: Destination,
  { info, warn }: Log,
  count: number,
  name: string,
  flags: readonly string[],
): Promise<ExitCode> {
  info(`${count} worker processes compute for ${url}`);
  const supervisor = superviseWorkers({
    count,
    url,
    credentials,
    name,
    flags,
    onEngine: info,
    onNotice: warn,
  });
  let isInterrupted = false;
  const ignore = onInterrupt(() => {
    isInterrupted = true;
    supervisor.stop();
  });
  const status = await supervisor.done;
  ignore();
  if (isInterrupted) return 'interrupted';
  return status === 0 ? 'ok' : 'failure';
}
