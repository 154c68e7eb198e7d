import { listRuns, type RunSummary } from '../../coordinator/run-list.ts';
import { defineCommand } from '../command.ts';
import { jsonOption, serveOptions } from '../serve-options.ts';
import { formatPercent, jsonLine, sanitize } from '../terminal/format.ts';
import { createStyle } from '../terminal/style.ts';
import { tableLines } from '../terminal/table.ts';

export const ls = defineCommand({
  usage: 'ls',
  describe: 'List past runs, the newest first',
  positionals: {},
  options: { runs: serveOptions.runs, json: jsonOption },
  examples: [['$0 runs ls', 'All of them, newest first']],
  async run({ runs: root, json }) {
    const summaries = await listRuns(root);
    if (json) {
      for (const summary of summaries) process.stdout.write(jsonLine(summary));
      return 'ok';
    }
    if (summaries.length === 0) console.log(`No runs in ${root} yet. Start one: tutti train`);
    const whole = summaries.filter((each) => each.state !== 'broken');
    const style = createStyle(process.stdout, process.env);
    const table = tableLines(
      ['run', 'state', '>epochs', '>best test acc'],
      whole.map(rowOf),
      style,
    );
    if (whole.length > 0) console.log(table.join('\n'));
    for (const summary of summaries) {
      if (summary.state !== 'broken') continue;
      console.log(`${sanitize(summary.directory)}  broken: ${sanitize(summary.problem)}`);
    }
    return 'ok';
  },
});

function rowOf({
  state,
  folder,
  epochs,
  bestAccuracy,
}: Exclude<RunSummary, { state: 'broken' }>): string[] {
  const best = bestAccuracy === undefined ? '-' : formatPercent(bestAccuracy);
  return [folder.id, state, `${epochs}/${folder.config.epochs}`, best];
}
