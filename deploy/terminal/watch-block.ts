// The whole run on one screen, for who does nothing but watch: curves, guarantee, and each worker.
import type { WorkerRow } from '../../shared/events.ts';
import type { RunView } from '../../shared/run-view.ts';
import { type Block, blockLines, progressText } from './block.ts';
import {
  formatBytes,
  formatDuration,
  formatInteger,
  formatLoss,
  formatName,
  formatPercent,
  sanitize,
  truncate,
  widthOf,
} from './format.ts';
import { sparkline } from './sparkline.ts';
import { plainStyle, type Style } from './style.ts';
import { tableLines } from './table.ts';

/** On a lower or narrower screen there is room for three lines alone. */
const fewestRows = 14;
const fewestColumns = 60;
/** Lines of the log that stay in sight above. */
const logRows = 4;
/** Of the block, without counts and the workers' rows: progress, curves, headings, the rest, help. */
const otherRows = 8;
/** Of the counts, where they do not fit into one. */
const mostCountRows = 2;
/** Columns of the workers that are left out where there is no room for all, one after the other. */
const dispensable = ['>share', '>network', '>compute', 'engine'];
const widestCurve = 50;

export const watchBlock: Block = (view, { columns, rows }, style) => {
  if (!view.run || view.end) return [];
  if (rows < fewestRows || columns < fewestColumns) return blockLines(view, columns, style);
  const counts = countLines(view, columns);
  const workerRows = Math.max(1, rows - otherRows - counts.length - logRows);
  return [
    progressText(view, columns, style),
    ...curveLines(view, columns, style),
    ...counts,
    ...(view.waitingText === undefined
      ? []
      : [style.yellow(truncate(sanitize(view.waitingText), columns))]),
    ...workerLines(view, columns, workerRows, style),
    style.dim(truncate('q quits, the run goes on', columns)),
  ];
};

/** In training by reported steps, in tests by epochs. */
function curveLines({ steps, epochs }: RunView, columns: number, style: Style): string[] {
  const curve = (
    title: string,
    values: readonly number[],
    format: (value: number) => string,
  ): string => {
    const last = values.length === 0 ? '-' : format(values[values.length - 1]);
    const head = title.padEnd('Train Loss'.length);
    const width = Math.min(widestCurve, columns - head.length - 2 - widthOf(last) - 1);
    return `${head} ${style.cyan(sparkline(values, width))} ${last}`;
  };
  return [
    curve(
      'Train Loss',
      steps.map(({ loss }) => loss),
      formatLoss,
    ),
    curve(
      'Train Acc',
      steps.map(({ accuracy }) => accuracy),
      formatPercent,
    ),
    curve(
      'Eval Loss',
      epochs.map(({ testLoss }) => testLoss),
      formatLoss,
    ),
    curve(
      'Eval Acc',
      epochs.map(({ testAccuracy }) => testAccuracy),
      formatPercent,
    ),
  ];
}

/** What came of all work so far, and how it travels. */
function countLines({ progress, epochs, traffic }: RunView, columns: number): string[] {
  const before = epochs.at(-1);
  const lost = before === undefined ? '' : `, ${formatInteger(before.ledger.lost)} lost before`;
  const { seen = 0, twice = 0 } = progress?.ledger ?? {};
  const parts = [
    `images ${formatInteger(seen)} seen, ${formatInteger(twice)} twice${lost}`,
    ...(traffic
      ? [`${formatSpeed(traffic.inPerSecond)} in, ${formatSpeed(traffic.outPerSecond)} out`]
      : []),
    ...(epochs.length === 0
      ? []
      : [`best Eval Acc ${formatPercent(Math.max(...epochs.map((each) => each.testAccuracy)))}`]),
  ];
  const lines: string[] = [];
  for (const part of parts) {
    const longer = [...lines.slice(-1), part].join(' · ');
    if (lines.length === mostCountRows || widthOf(longer) <= columns) lines.splice(-1, 1, longer);
    else lines.push(part);
  }
  return lines.map((line) => truncate(line, columns));
}

function workerLines({ rows }: RunView, columns: number, most: number, style: Style): string[] {
  if (rows.length === 0) return [];
  const fastest = [...rows].sort((a, b) => b.samplesPerSecond - a.samplesPerSecond);
  const shown = fastest.slice(0, rows.length > most ? most - 1 : most);
  const [head, ...lines] = fittingTable(shown, columns);
  return [
    style.dim(truncate(head, columns)),
    ...lines.map((line) => truncate(line, columns)),
    ...(shown.length < rows.length ? [`and ${rows.length - shown.length} more`] : []),
  ];
}

function fittingTable(rows: readonly WorkerRow[], columns: number): string[] {
  const all = 'worker,engine,state,>samples/s,>share,>compute,>network,>used,>late,>refused'.split(
    ',',
  );
  const cells = rows.map(cellsOf);
  for (let leftOut = 0; ; leftOut++) {
    const isKept = (_: string, at: number) => !dispensable.slice(0, leftOut).includes(all[at]);
    const lines = tableLines(
      all.filter(isKept),
      cells.map((row) => row.filter(isKept)),
      plainStyle,
    );
    const isFitting = lines.every((line) => widthOf(line) <= columns);
    if (isFitting || leftOut === dispensable.length) return lines;
  }
}

function cellsOf(row: WorkerRow): string[] {
  const { computeMs, networkMs } = row;
  const time = (ms: number | undefined): string =>
    ms === undefined ? '-' : formatDuration(ms / 1000);
  return [
    truncate(formatName(row.name), 24),
    truncate(sanitize(row.engine ?? '-'), 20),
    row.state,
    formatInteger(row.samplesPerSecond),
    `${Math.round(100 * row.share)} %`,
    time(computeMs),
    time(networkMs),
    formatInteger(row.accepted),
    formatInteger(row.late),
    formatInteger(row.rejected),
  ];
}

function formatSpeed(bytesPerSecond: number): string {
  return `${formatBytes(Math.max(0, Math.round(bytesPerSecond)))}/s`;
}
