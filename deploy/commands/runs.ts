import { join } from 'node:path';
import { readLog } from '../../coordinator/append-log.ts';
import { openRunFolder } from '../../coordinator/run-folder.ts';
import { listRuns, type RunSummary } from '../../coordinator/run-list.ts';
import { defineCommand } from '../command.ts';
import { CliError, type ExitCode } from '../exit-codes.ts';
import { jsonOption, serveOptions } from '../serve-options.ts';
import { formatPercent, sanitize } from '../terminal/format.ts';

export const runs = defineCommand({
  usage: 'runs [run]',
  describe: 'List past runs, or show one',
  positionals: {
    run: { type: 'string', describe: 'A run folder, or its name' },
  },
  options: { runs: serveOptions.runs, json: jsonOption },
  examples: [
    ['$0 runs', 'All of them, newest first'],
    ['$0 runs runs/ID', 'Configuration and epochs of one'],
  ],
  run: ({ run, runs: root, json }) => (run ? show(run, root, json) : list(root, json)),
});

async function list(root: string, json: boolean | undefined): Promise<ExitCode> {
  const summaries = await listRuns(root);
  if (json) {
    for (const summary of summaries) console.log(JSON.stringify(summary));
    return 'ok';
  }
  if (summaries.length === 0) console.log(`No runs in ${root} yet. Start one: tutti train`);
  for (const summary of summaries) console.log(lineOf(summary));
  return 'ok';
}

function lineOf(summary: RunSummary): string {
  if (summary.state === 'broken') {
    return `${sanitize(summary.directory)}  broken: ${sanitize(summary.problem)}`;
  }
  const { state, folder, epochs, bestAccuracy } = summary;
  const best = bestAccuracy === undefined ? 'not evaluated' : `best ${formatPercent(bestAccuracy)}`;
  return `${folder.id}  ${state.padEnd(10)}  epoch ${epochs}/${folder.config.epochs}  ${best}`;
}

async function show(run: string, root: string, json: boolean | undefined): Promise<ExitCode> {
  const folder = await openRunFolder(run)
    .catch(() => openRunFolder(join(root, run)))
    .catch((cause: Error) => {
      throw new CliError('run', cause.message, { hint: 'See: tutti runs', cause });
    });
  const events = await readLog(folder.paths.events);
  const epochs = events.filter(({ type }) => type === 'epoch');
  const { id, created, directory, config } = folder;
  if (json) {
    console.log(JSON.stringify({ id, created, directory, config, epochs }));
    return 'ok';
  }
  console.log(`${id}, started ${created}\n${directory}\n\n${JSON.stringify(config, null, 2)}\n`);
  console.log('epoch, Train Loss, Train Acc, Eval Loss, Eval Acc');
  for (const { epoch, trainLoss, trainAccuracy, testLoss, testAccuracy } of epochs) {
    console.log([epoch, trainLoss, trainAccuracy, testLoss, testAccuracy].map(figure).join(', '));
  }
  return 'ok';
}

function figure(value: unknown): string {
  return Number.isInteger(value) ? String(value) : Number(value).toFixed(4);
}
