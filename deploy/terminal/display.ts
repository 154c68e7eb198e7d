// Puts lines on a stream: pinned at the bottom of a terminal, or one after the other in a log.
import { createLogUpdate } from 'log-update';
import type { RunEvent } from '../../shared/events.ts';
import { emptyView, reduceView } from '../../shared/run-view.ts';
import { blockLines, progressLine } from './block.ts';
import type { Doors } from './invitation.ts';
import { permanentLines } from './lines.ts';
import { createOutput, type Output, type OutputStream } from './output.ts';
import { createStyle, type Environment, type Style } from './style.ts';

/** Faster than this, digits cannot be read and a remote terminal falls behind. */
const redrawIntervalMs = 100;
/** In a log every line stays, so epochs shorter than this leave no line but their own. */
const progressIntervalMs = 10_000;

export interface Display {
  event(event: RunEvent): void;
  /** Leaves the terminal as it should be found. Called before anybody else prints. */
  close(): void;
}

export interface DisplayOptions {
  readonly env: Environment;
  /** How to join what is shown. */
  readonly doors?: Doors;
  /** False where others print to the same screen. */
  readonly allowPinned?: boolean;
  /** False where a person only looks on: links are not for programs' logs. */
  readonly showsLinks?: boolean;
}

/** A pinned block where the cursor can be moved, plain lines everywhere else. */
export function createDisplay(
  stream: OutputStream,
  { env, doors, allowPinned = true, showsLinks = true }: DisplayOptions,
): Display {
  const style = createStyle(stream, env);
  const output = createOutput(stream);
  // A terminal that does not know its size reports 0 columns: nothing can be fitted into those.
  const canPin = stream.isTTY === true && env.TERM !== 'dumb' && stream.columns !== 0;
  const linesOf = (event: RunEvent): string[] => {
    const isWatched = stream.isTTY === true && showsLinks;
    const columns = isWatched ? (stream.columns ?? 80) : undefined;
    return permanentLines(event, style, doors, { style, columns, hasPictures: canPin });
  };
  return allowPinned && canPin ? pinned(output, style, linesOf) : plain(output, linesOf);
}

type LinesOf = (event: RunEvent) => string[];

function pinned(output: Output, style: Style, linesOf: LinesOf): Display {
  const { stream } = output;
  // Hiding the cursor would write to the process's stderr, and a kill would leave it hidden.
  const block = createLogUpdate(stream, { showCursor: true });
  let view = emptyView;

  const draw = () => {
    redraw.cancel();
    if (output.isBroken) return;
    // The last column stays free: some terminals wrap as soon as it is filled.
    const lines = blockLines(view, (stream.columns ?? 80) - 1, style);
    if (lines.length > 0) block(lines.join('\n'));
  };
  const redraw = createLimiter(draw, redrawIntervalMs);
  stream.on('resize', redraw.request);

  return {
    event(event) {
      view = reduceView(view, event);
      const lines = linesOf(event);
      if (lines.length === 0) return redraw.request();
      if (output.isBroken) return;
      block.clear();
      output.write(`${lines.join('\n')}\n`);
      draw();
    },
    close() {
      draw();
      stream.off('resize', redraw.request);
      block.done();
    },
  };
}

function plain(output: Output, linesOf: LinesOf): Display {
  let view = emptyView;
  const progress = createLimiter(() => {
    const line = progressLine(view);
    if (line !== undefined) output.write(`${line}\n`);
  }, progressIntervalMs);

  return {
    event(event) {
      view = reduceView(view, event);
      const lines = linesOf(event);
      if (lines.length > 0) output.write(`${lines.join('\n')}\n`);
      if (event.type === 'epoch' || event.type === 'end') progress.cancel();
      if (event.type === 'step' || event.type === 'waiting') progress.request();
    },
    close: progress.cancel,
  };
}

/** Runs `action` once after any number of requests, and at most once an interval. */
function createLimiter(action: () => void, intervalMs: number) {
  let timer: NodeJS.Timeout | undefined;
  const cancel = () => {
    clearTimeout(timer);
    timer = undefined;
  };
  const run = () => {
    timer = undefined;
    action();
  };
  return {
    cancel,
    request() {
      // A display must not keep a process alive that has nothing else to do.
      timer ??= setTimeout(run, intervalMs).unref();
    },
  };
}
