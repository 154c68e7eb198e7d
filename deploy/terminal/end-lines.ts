// What is printed last: how the run ended, what it cost, and what to do with it.
import type { RunEventOf } from '../../shared/events.ts';
import {
  formatBytes,
  formatCount,
  formatInteger,
  formatPath,
  formatPercent,
  sanitize,
} from './format.ts';
import type { Style } from './style.ts';

type End = RunEventOf<'end'>;

const sentences: Record<End['reason'], string> = {
  completed: 'Training completed',
  stopped: 'Training stopped before its last step',
  diverged: 'Training diverged: the loss is no longer a finite number',
  failed: 'Training failed',
};

const colors = {
  completed: 'green',
  stopped: 'yellow',
  diverged: 'red',
  failed: 'red',
} as const satisfies Record<End['reason'], keyof Style>;

export function endLines(event: End, style: Style): string[] {
  const { counters, reason } = event;
  const paint = style[colors[reason]];
  const row = (title: string, text: string) => `  ${style.dim(title.padEnd(8))}  ${text}`;
  const committed = formatInteger(counters.samplesCommitted);
  const wasted = formatInteger(counters.samplesWasted);
  return [
    '',
    style.bold(paint(sentences[reason])) + (event.message ? ` (${sanitize(event.message)})` : ''),
    row('trained', `${formatCount(event.epochs, 'epoch')}, ${formatCount(event.version, 'step')}`),
    ...(event.testAccuracy === undefined
      ? []
      : [row('test', `accuracy ${formatPercent(event.testAccuracy)}`)]),
    row('samples', `${committed} committed, ${wasted} computed and not used`),
    row('answers', answersText(counters)),
    row('traffic', `${formatBytes(counters.bytesIn)} in, ${formatBytes(counters.bytesOut)} out`),
    row('weights', `sha256 ${event.weightsHash.slice(0, 12)}`),
    row('folder', formatPath(event.runDirectory)),
    '',
    ...nextSteps(event, style),
  ];
}

function answersText(counters: End['counters']): string {
  const { gradientsAccepted, gradientsDuplicate, gradientsLate, gradientsRejected } = counters;
  return [
    `${formatInteger(gradientsAccepted)} used`,
    `${formatInteger(gradientsDuplicate)} twice`,
    `${formatInteger(gradientsLate)} late`,
    `${formatInteger(gradientsRejected)} refused`,
  ].join(', ');
}

function nextSteps({ reason, runDirectory }: End, style: Style): string[] {
  const folder = shellWord(formatPath(runDirectory));
  const predict = `Predict with: ${style.cyan(`npx tutti predict ${folder} idx:0`)}`;
  const resume = `Resume with: ${style.cyan(`npx tutti train --resume ${folder}`)}`;
  switch (reason) {
    case 'completed':
      return [predict];
    case 'stopped':
      return [resume, predict];
    case 'failed':
      return [resume];
    case 'diverged':
      return ['Start again with a lower learning rate.'];
  }
}

/** A path as one word for a shell, because the line is there to be copied. */
function shellWord(path: string): string {
  return /^[\w./:@%+\\-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
