import type { RunFolder } from '../../coordinator/run-folder.ts';
import { modelOf, planOf } from '../../shared/config.ts';
import type { RunEventOf, WorkerRow } from '../../shared/events.ts';
import { defineCommand } from '../command.ts';
import { epochsOf, filesOf, findRun, type RunFile, readHistory, workersOf } from '../past-run.ts';
import { jsonOption, serveOptions } from '../serve-options.ts';
import { configLines, titledRow } from '../terminal/banner.ts';
import {
  formatBytes,
  formatDuration,
  formatInteger,
  formatLoss,
  formatName,
  formatPath,
  formatPercent,
  formatRate,
  jsonLine,
  sanitize,
} from '../terminal/format.ts';
import { sparkline } from '../terminal/sparkline.ts';
import { createStyle, type Style } from '../terminal/style.ts';
import { tableLines } from '../terminal/table.ts';

const curveWidth = 60;

export const show = defineCommand({
  usage: 'show <run>',
  describe: 'Configuration, curves, epochs, workers and files of one run',
  positionals: {
    run: { type: 'string', describe: 'A run folder, or its name', demandOption: true },
  },
  options: { runs: serveOptions.runs, json: jsonOption },
  examples: [['$0 runs show ID', 'All that a run left']],
  async run({ run, runs: root, json }) {
    const folder = await findRun(run, root);
    const history = await readHistory(folder);
    const epochs = epochsOf(history);
    const [workers, files] = [workersOf(history), await filesOf(folder)];
    if (json) {
      const { id, created, directory, config } = folder;
      process.stdout.write(jsonLine({ id, created, directory, config, epochs, workers, files }));
      return 'ok';
    }
    const style = createStyle(process.stdout, process.env);
    const sections = [
      headLines(folder, style),
      curveLines(epochs, style),
      epochLines(epochs, style),
      workerLines(workers, style),
      fileLines(files, style),
    ];
    const printed = sections.filter((lines) => lines.length > 0).map((lines) => lines.join('\n'));
    console.log(printed.join('\n\n'));
    return 'ok';
  },
});

function headLines({ id, created, directory, config }: RunFolder, style: Style): string[] {
  const plan = planOf(config);
  const parameterCount = modelOf(config).trainableCount;
  return [
    `${style.bold('tutti')} run ${style.bold(id)}`,
    ...configLines({ ...plan, config, parameterCount }, style),
    titledRow('folder', formatPath(directory), style),
    titledRow('started', created, style),
  ];
}

function curveLines(epochs: readonly RunEventOf<'epoch'>[], style: Style): string[] {
  if (epochs.length < 2) return [];
  const curve = (
    title: string,
    figureOf: (epoch: RunEventOf<'epoch'>) => number,
    format: (value: number) => string,
  ): string => {
    const values = epochs.map(figureOf);
    const ends = `${format(values[0])} → ${format(values[values.length - 1])}`;
    return titledRow(
      title.padEnd('Train Loss'.length),
      `${style.cyan(sparkline(values, curveWidth))}  ${ends}`,
      style,
    );
  };
  return [
    curve('Train Loss', ({ trainLoss }) => trainLoss, formatLoss),
    curve('Train Acc', ({ trainAccuracy }) => trainAccuracy, formatPercent),
    curve('Eval Loss', ({ testLoss }) => testLoss, formatLoss),
    curve('Eval Acc', ({ testAccuracy }) => testAccuracy, formatPercent),
  ];
}

function epochLines(epochs: readonly RunEventOf<'epoch'>[], style: Style): string[] {
  if (epochs.length === 0) return ['No epoch is trained and evaluated yet.'];
  const headings = '>epoch,>Train Loss,>Train Acc,>Eval Loss,>Eval Acc,>time,>speed,>workers';
  const rows = epochs.map((each) => [
    String(each.epoch),
    formatLoss(each.trainLoss),
    formatPercent(each.trainAccuracy),
    formatLoss(each.testLoss),
    formatPercent(each.testAccuracy),
    formatDuration(each.seconds),
    formatRate(each.samplesPerSecond),
    formatInteger(each.workers),
  ]);
  return tableLines(headings.split(','), rows, style);
}

function workerLines(workers: readonly WorkerRow[], style: Style): string[] {
  if (workers.length === 0) return [];
  const headings = 'worker,kind,engine,>samples,>used,>twice,>late,>refused,>sent,>received';
  const rows = workers.map((each) => [
    formatName(each.name),
    each.kind,
    sanitize(each.engine ?? '-', 40),
    ...[each.samples, each.accepted, each.duplicate, each.late, each.rejected].map(formatInteger),
    // As the worker sees it.
    formatBytes(each.bytesIn),
    formatBytes(each.bytesOut),
  ]);
  return tableLines(headings.split(','), rows, style);
}

function fileLines(files: readonly RunFile[], style: Style): string[] {
  const rows = files.map(({ name, bytes }) => [sanitize(name), formatBytes(bytes)]);
  return tableLines(['file', '>size'], rows, style);
}
