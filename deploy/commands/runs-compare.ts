import { differencesOf } from '../../shared/config-differences.ts';
import type { RunHistory } from '../../shared/contracts.ts';
import { defineCommand } from '../command.ts';
import { CliError } from '../exit-codes.ts';
import { epochsOf, findRun, readHistory } from '../past-run.ts';
import { jsonOption, serveOptions } from '../serve-options.ts';
import {
  formatDuration,
  formatInteger,
  formatLoss,
  formatPercent,
  formatRate,
  jsonLine,
  sanitize,
} from '../terminal/format.ts';
import { createStyle } from '../terminal/style.ts';
import { tableLines } from '../terminal/table.ts';

/** By its name, with one value a run: absent where it has none. */
type Rows = Readonly<Record<string, readonly unknown[]>>;

export const compare = defineCommand({
  usage: 'compare <run..>',
  describe: 'What differs between runs, and their results side by side',
  positionals: {
    run: {
      type: 'string',
      array: true,
      describe: 'Two or more run folders, or their names',
      demandOption: true,
    },
  },
  options: { runs: serveOptions.runs, json: jsonOption },
  examples: [['$0 runs compare ID1 ID2', 'Configurations and results of two']],
  async run({ run: names, runs: root, json }) {
    if (names.length < 2) {
      throw new CliError('usage', 'compare: name two runs or more.', {
        hint: 'See: tutti runs ls',
      });
    }
    const folders = await Promise.all(names.map((name) => findRun(String(name), root)));
    const histories = await Promise.all(folders.map(readHistory));
    const differences = differencesOf(folders.map(({ config }) => config));
    const results = resultsOf(histories);
    if (json) {
      const runs = folders.map(({ id }) => id);
      process.stdout.write(jsonLine({ runs, differences, results }));
      return 'ok';
    }
    const style = createStyle(process.stdout, process.env);
    const headings = ['', ...folders.map(({ id }) => `>${id}`)];
    const print = (rows: readonly (readonly string[])[]): void =>
      console.log(tableLines(headings, rows, style).join('\n'));
    const configured = Object.entries(differences);
    if (configured.length === 0) console.log('The configurations are the same.');
    else print(configured.map(([name, values]) => [name, ...values.map(valueText)]));
    console.log('');
    print(Object.entries(results).map(([name, values]) => resultRow(name, values)));
    return 'ok';
  },
});

/** Null where a run has no such figure yet. */
function resultsOf(histories: readonly RunHistory[]): Rows {
  const epochs = histories.map(epochsOf);
  const last = epochs.map((each) => each.at(-1));
  const sum = (values: readonly number[]): number => values.reduce((total, one) => total + one, 0);
  const seconds = epochs.map((each) => sum(each.map((epoch) => epoch.seconds)));
  return {
    epochs: epochs.map(({ length }) => length),
    steps: histories.map(({ steps }) => steps.length),
    trainLoss: last.map((epoch) => epoch?.trainLoss ?? null),
    trainAccuracy: last.map((epoch) => epoch?.trainAccuracy ?? null),
    testLoss: last.map((epoch) => epoch?.testLoss ?? null),
    testAccuracy: last.map((epoch) => epoch?.testAccuracy ?? null),
    bestTestAccuracy: epochs.map((each) => {
      return each.length === 0 ? null : Math.max(...each.map(({ testAccuracy }) => testAccuracy));
    }),
    seconds,
    samplesPerSecond: epochs.map((each, at) => {
      return seconds[at] > 0 ? sum(each.map(({ samples }) => samples)) / seconds[at] : null;
    }),
    weightsHash: last.map((epoch) => epoch?.weightsHash ?? null),
  };
}

/** For people: what each figure is called, and how it is written. */
const figures: Readonly<Record<string, readonly [string, (value: never) => string]>> = {
  epochs: ['epochs', formatInteger],
  steps: ['steps', formatInteger],
  trainLoss: ['Train Loss', formatLoss],
  trainAccuracy: ['Train Acc', formatPercent],
  testLoss: ['Eval Loss', formatLoss],
  testAccuracy: ['Eval Acc', formatPercent],
  bestTestAccuracy: ['best Eval Acc', formatPercent],
  seconds: ['training time', formatDuration],
  samplesPerSecond: ['speed', formatRate],
  weightsHash: ['weights sha256', (hash: string) => hash.slice(0, 12)],
};

function resultRow(name: string, values: readonly unknown[]): string[] {
  const [title, format] = figures[name];
  return [title, ...values.map((value) => (value === null ? '-' : format(value as never)))];
}

function valueText(value: unknown): string {
  if (value === null) return '-';
  return sanitize(Array.isArray(value) ? value.join(',') : String(value), 30);
}
