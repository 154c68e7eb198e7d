import { hostname } from 'node:os';
import { auto } from '../../worker/engines/choose.ts';
import { specOf } from '../../worker/engines/index.ts';
import { defineCommand } from '../command.ts';
import { settle } from '../core-places.ts';
import { CliError, type ExitCode } from '../exit-codes.ts';
import { onInterrupt } from '../interrupt.ts';
import { serve } from '../serve.ts';
import { engineOption, serveOptions } from '../serve-options.ts';
import { superviseWorkers } from '../supervisor.ts';

export const train = defineCommand({
  usage: 'train',
  describe: 'Train on this machine: a coordinator and its workers; others may join',
  positionals: {},
  options: {
    ...serveOptions,
    workers: {
      type: 'number',
      describe: 'Worker processes on this machine',
      default: 2,
      requiresArg: true,
      group: 'Cluster:',
    },
    engine: { ...engineOption, group: 'Cluster:' },
  },
  examples: [
    ['$0 train', 'The reference run: MNIST, 20 epochs'],
    ['$0 train --epochs 3 --batch-size 128 --lr 0.2', 'A shorter one'],
    ['$0 train --resume runs/ID', 'Go on with an interrupted run'],
    ['$0 train --host 0.0.0.0 --expect-workers 8', 'Other machines may help'],
  ],
  async run({ workers, engine, ...flags }) {
    if (!Number.isSafeInteger(workers) || workers < 0) {
      throw new CliError('usage', `--workers: expected a whole number from 0, got ${workers}.`);
    }
    refuseTwoEngines(engine, flags.onlyEngine);
    const early: string[] = [];
    let tellEngine = (message: string): unknown => early.push(message);
    const { done, supervisor, ...run } = await serve(flags, engine, ({ url, credentials, warn }) =>
      superviseWorkers({
        count: workers,
        url,
        credentials,
        name: hostname(),
        flags: ['--engine', engine],
        onStart: (pid, place) => settle(pid, place, workers),
        onNotice: warn,
        onEngine: (message) => tellEngine(message),
      }),
    );
    const ignore = onInterrupt(() => {
      if (run.stopLingering()) return;
      run.notify('info', stopping);
      run.stop();
    });
    let isOver = false;
    // One that was proving its engine until then would speak after the run's last word.
    tellEngine = (message) => isOver || run.notify('info', message);
    for (const message of early) tellEngine(message);
    supervisor.done.then((status) => {
      if (status !== 0 && !isOver) run.notify('warning', deserted);
    });
    const { reason, message } = await done;
    isOver = true;
    supervisor.stop();
    await supervisor.done;
    await run.close();
    ignore();
    return message === undefined ? endings[reason] : 'failure';
  },
});

function refuseTwoEngines(engine: string, onlyEngine: string | undefined): void {
  if (onlyEngine === undefined || [auto, specOf(onlyEngine)].includes(specOf(engine))) return;
  throw new CliError(
    'usage',
    `--engine ${engine} and --only-engine ${onlyEngine} are two engines.`,
    {
      hint: 'Leave out --engine: --only-engine is for all workers.',
    },
  );
}

const stopping = 'Stopping after this step and a checkpoint; Ctrl-C again ends at once.';

const deserted =
  'No worker process is left on this machine: the run goes on when others join, or Ctrl-C ends it.';

const endings = {
  completed: 'ok',
  stopped: 'interrupted',
  diverged: 'diverged',
  failed: 'failure',
} as const satisfies Record<string, ExitCode>;
