// The progress of a run at this moment: three lines to draw over again, or one for a plain log.
import { position, type RunView, type WorkerView } from '../../shared/run-view.ts';
import { stepNoun } from '../../shared/sync.ts';
import {
  formatBar,
  formatCount,
  formatDuration,
  formatLoss,
  formatName,
  formatPercent,
  formatRate,
  sanitize,
  truncate,
} from './format.ts';
import type { Style } from './style.ts';

const widestBar = 24;
const narrowestBar = 4;
const separator = ' · ';

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** What is drawn over again: no line wider than the terminal, and fewer of them than it has. */
export type Block = (view: RunView, size: TerminalSize, style: Style) => string[];

/**
 * Where it is, how it learns, and who computes or what it waits for. Always three lines, none wider
 * than `columns`, so that nothing jumps; no lines before the run and after its end.
 */
export function blockLines(view: RunView, columns: number, style: Style): string[] {
  if (!view.run || view.end) return [];
  const state =
    view.waitingText === undefined
      ? style.dim(truncate(workersText(view), columns))
      : style.yellow(truncate(sanitize(view.waitingText), columns));
  return [progressText(view, columns, style), truncate(learningText(view), columns), state];
}

/** The same on one line, for logs: undefined before the first step and after the end. */
export function progressLine(view: RunView): string | undefined {
  if (!view.progress || view.end) return undefined;
  const waiting = view.waitingText === undefined ? [] : [sanitize(view.waitingText)];
  return [`${epochText(view)}  ${stepText(view)}`, learningText(view), ...waiting].join(separator);
}

/** With a bar as far as there is room; never wider than `columns`. */
export function progressText(view: RunView, columns: number, style: Style): string {
  const { step, stepsPerEpoch } = position(view);
  const [head, tail] = [epochText(view), stepText(view)];
  const barWidth = Math.min(widestBar, columns - head.length - tail.length - 2);
  if (barWidth < narrowestBar) return truncate(`${head} ${tail}`, columns);
  return `${style.bold(head)} ${style.cyan(formatBar(step / stepsPerEpoch, barWidth))} ${tail}`;
}

function epochText(view: RunView): string {
  const { epoch } = position(view);
  return view.run ? `epoch ${epoch}/${view.run.config.epochs}` : `epoch ${epoch}`;
}

function stepText(view: RunView): string {
  const { step, stepsPerEpoch } = position(view);
  const { run, progress, readyWorkers } = view;
  const noun = run ? stepNoun(run.config.sync) : 'step';
  const eta = progress?.etaSeconds;
  return [
    `${noun} ${step}/${stepsPerEpoch}`,
    ...(progress ? [formatRate(progress.samplesPerSecond)] : []),
    ...(eta === undefined ? [] : [`ETA ${formatDuration(eta)}`]),
    formatCount(readyWorkers, 'worker'),
  ].join(separator);
}

function learningText({ progress, epochs }: RunView): string {
  const lastEpoch = epochs.at(-1);
  return [
    `Train Loss ${progress ? formatLoss(progress.loss) : '-'}`,
    `Train Acc ${progress ? formatPercent(progress.accuracy) : '-'}`,
    ...(lastEpoch ? [`last Eval Acc ${formatPercent(lastEpoch.testAccuracy)}`] : []),
  ].join(separator);
}

function workersText({ workers, progress }: RunView): string {
  if (workers.size === 0) return 'no workers';
  const { contributions = {} } = progress ?? {};
  const total = Object.values(contributions).reduce((sum, samples) => sum + samples, 0);
  const shareOf = (worker: string): number => (contributions[worker] ?? 0) / total;
  return [...workers].map(([worker, view]) => workerText(view, shareOf(worker))).join(', ');
}

/** `share` of the epoch so far; not a number before its first step. */
function workerText({ name, kind, engine, state }: WorkerView, share: number): string {
  const details = [
    kind !== 'node' && kind,
    engine && sanitize(engine),
    state !== 'ready' && state,
    share > 0 && `${Math.round(100 * share)} %`,
  ].filter(Boolean);
  return formatName(name) + (details.length > 0 ? ` (${details.join(', ')})` : '');
}
