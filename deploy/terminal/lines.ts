// The lines that stay: an event in, what a person should find in the scrollback out.
import { controlText } from '../../shared/control-text.ts';
import type { RunEvent, RunEventOf } from '../../shared/events.ts';
import { bannerLines } from './banner.ts';
import { endLines } from './end-lines.ts';
import {
  formatDuration,
  formatInteger,
  formatLoss,
  formatName,
  formatPercent,
  formatRate,
  sanitize,
} from './format.ts';
import { type Doors, invitationLines, type Screen } from './invitation.ts';
import type { Style } from './style.ts';

/** `doors` and `screen` say what a run's first lines tell of how to join it. */
export function permanentLines(
  event: RunEvent,
  style: Style,
  doors: Doors = { kind: 'open' },
  screen: Screen = { style },
): string[] {
  switch (event.type) {
    case 'run':
      return bannerLines(event, style, invitationLines(event.url, doors, screen));
    case 'epoch':
      return [epochLine(event)];
    case 'worker':
      return [workerLine(event, style)];
    case 'waiting':
      return waitingLines(event, style);
    case 'notice':
      return [noticeLine(event, style)];
    case 'checkpoint':
      return checkpointLines(event, style);
    case 'control':
      return [style.bold(sanitize(controlText(event)))];
    case 'end':
      return endLines(event, style);
    case 'step':
    case 'workers':
    case 'audits':
      return [];
    default:
      event satisfies never;
      return [];
  }
}

function epochLine(event: RunEventOf<'epoch'>): string {
  const epochs = String(event.epochs);
  return [
    `epoch ${String(event.epoch).padStart(epochs.length)}/${epochs}`,
    `Train Loss ${formatLoss(event.trainLoss)}`,
    `Train Acc ${formatPercent(event.trainAccuracy).padStart(7)}`,
    `Eval Loss ${formatLoss(event.testLoss)}`,
    `Eval Acc ${formatPercent(event.testAccuracy).padStart(7)}`,
    formatDuration(event.seconds).padStart(6),
    formatRate(event.samplesPerSecond).padStart(16),
  ].join('  ');
}

function workerLine(event: RunEventOf<'worker'>, style: Style): string {
  const name = formatName(event.name) + placeOf(event);
  const engine = event.engine === undefined ? '' : ` on ${sanitize(event.engine)}`;
  const because = event.reason === undefined ? '' : `: ${sanitize(event.reason)}`;
  const ready = style.dim(` (${formatInteger(event.workers)} ready)`);
  switch (event.action) {
    case 'joined':
      return `${style.green('+')} ${name} joined${engine}`;
    case 'ready':
      return `${style.green('+')} ${name} is ready${engine}${ready}`;
    case 'standby':
      return `${style.dim('=')} ${name} stands by${because}`;
    case 'late':
      return `${style.yellow('~')} ${name} is late${because}`;
    case 'left':
      return `${style.yellow('-')} ${name} left${because}${ready}`;
    case 'expelled':
      return `${style.red('-')} ${name} was expelled${because}${ready}`;
    case 'rejected':
      return `${style.red('-')} ${name} was turned away${because}`;
  }
}

function placeOf({ kind, behind }: RunEventOf<'worker'>): string {
  if (kind === 'tab') return ' (tab)';
  return behind === undefined ? '' : ` (relay of ${formatInteger(behind)})`;
}

/** Waits for a shard or an evaluation are short and come again and again: the block shows those. */
function waitingLines(event: RunEventOf<'waiting'>, style: Style): string[] {
  const isWorthALine = event.cause === 'workers' || event.cause === 'checkpoint';
  return isWorthALine ? [style.yellow(sanitize(event.text))] : [];
}

function noticeLine(event: RunEventOf<'notice'>, style: Style): string {
  const message = sanitize(event.message);
  return event.level === 'warning' ? `${style.yellow('warning:')} ${message}` : message;
}

function checkpointLines(event: RunEventOf<'checkpoint'>, style: Style): string[] {
  if (event.error === undefined) return [];
  const step = formatInteger(event.version);
  return [
    `${style.red('warning:')} no checkpoint at step ${step}: ${sanitize(event.error)}; ` +
      'training goes on and the one before it stands',
  ];
}
