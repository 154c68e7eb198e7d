// A run as lines of JSON for what collects logs: what a person would read, each line with its time and level.
import type { RunEvent } from '../../shared/events.ts';
import { emptyView, reduceView } from '../../shared/run-view.ts';
import { progressLine } from './block.ts';
import { type Display, progressIntervalMs } from './display.ts';
import { formatPath, sanitize } from './format.ts';
import { createLimiter } from './limiter.ts';
import { permanentLines } from './lines.ts';
import { type LogLevel, logLine } from './log.ts';
import { createOutput, type OutputStream } from './output.ts';
import { plainStyle } from './style.ts';
import { isTrouble } from './trouble.ts';

export interface JsonLogOptions {
  /** Nothing but what somebody should look into. */
  readonly isQuiet?: boolean;
}

/** `type` and `seq` are those of the event in `events.ndjson` that a line tells of. Links are in no line. */
export function createJsonLog(stream: OutputStream, { isQuiet }: JsonLogOptions = {}): Display {
  const output = createOutput(stream);
  let view = emptyView;
  const progress = createLimiter(() => {
    const line = progressLine(view);
    if (line !== undefined) output.write(logLine('info', line, { type: 'progress' }));
  }, progressIntervalMs);

  return {
    event(event) {
      view = reduceView(view, event);
      const { type, seq } = event;
      const message = messageOf(event);
      const isTold = message !== '' && (!isQuiet || isTrouble(event));
      if (isTold) output.write(logLine(levelOf(event), message, { type, seq }));
      if (type === 'epoch' || type === 'end') progress.cancel();
      if (!isQuiet && (type === 'step' || type === 'waiting')) progress.request();
    },
    say: (message) => output.write(logLine('info', sanitize(message))),
    close: progress.cancel,
  };
}

function messageOf(event: RunEvent): string {
  switch (event.type) {
    case 'run':
      return `run ${event.run} at ${sanitize(event.url)}, kept in ${formatPath(event.runDirectory)}`;
    case 'notice':
      return sanitize(event.message);
    case 'end':
      return `the run ended: ${event.reason}${event.message ? `, ${sanitize(event.message)}` : ''}`;
    default:
      return permanentLines(event, plainStyle).join(' ');
  }
}

function levelOf(event: RunEvent): LogLevel {
  if (!isTrouble(event)) return 'info';
  return event.type === 'end' ? 'error' : 'warning';
}
