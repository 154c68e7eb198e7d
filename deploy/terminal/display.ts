// Puts lines on a stream: pinned at the bottom of a terminal, or one after the other in a log.
import { stripVTControlCharacters } from 'node:util';
import { createLogUpdate } from 'log-update';
import type { RunEvent } from '../../shared/events.ts';
import { emptyView, type RunView, reduceView } from '../../shared/run-view.ts';
import { type Block, blockLines, progressLine, type TerminalSize } from './block.ts';
import { sanitize, widthOf } from './format.ts';
import type { Doors } from './invitation.ts';
import { createLimiter } from './limiter.ts';
import { permanentLines } from './lines.ts';
import { createOutput, type Output, type OutputStream } from './output.ts';
import { createStyle, type Environment } from './style.ts';

/** Faster than this, digits cannot be read and a remote terminal falls behind. */
const redrawIntervalMs = 100;
/** In a log every line stays, so epochs shorter than this leave no line but their own. */
export const progressIntervalMs = 10_000;

export interface Display {
  event(event: RunEvent): void;
  /** A line of ours between those of the run. */
  say(message: string): void;
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
  /** What is pinned. */
  readonly block?: Block;
}

const usualBlock: Block = (view, { columns }, style) => blockLines(view, columns, style);

/** A pinned block where the cursor can be moved, plain lines everywhere else. */
export function createDisplay(
  stream: OutputStream,
  { env, doors, allowPinned = true, showsLinks = true, block = usualBlock }: DisplayOptions,
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
  if (!allowPinned || !canPin) return plain(output, linesOf);
  return pinned(output, linesOf, (view, size) => block(view, size, style));
}

type LinesOf = (event: RunEvent) => string[];
type BlockOf = (view: RunView, size: TerminalSize) => string[];

function pinned(output: Output, linesOf: LinesOf, blockOf: BlockOf): Display {
  const { stream } = output;
  // Hiding the cursor would write to the process's stderr, and a kill would leave it hidden.
  const block = createLogUpdate(stream, { showCursor: true });
  let view = emptyView;
  let drawn: { readonly lines: readonly string[]; readonly columns?: number } = { lines: [] };

  const clear = () => {
    if (stream.columns === drawn.columns) return block.clear();
    // The terminal has wrapped what was drawn for another width, and the block does not know.
    output.write(eraseAbove(rowsOf(drawn.lines, stream.columns ?? 80)));
    block.done();
  };
  const draw = () => {
    redraw.cancel();
    if (output.isBroken) return;
    if (stream.columns !== drawn.columns) clear();
    // The last column stays free: some terminals wrap as soon as it is filled.
    const size = { columns: (stream.columns ?? 80) - 1, rows: stream.rows ?? 24 };
    const lines = blockOf(view, size);
    if (lines.length > 0) block(lines.join('\n'));
    drawn = { lines, columns: stream.columns };
  };
  const redraw = createLimiter(draw, redrawIntervalMs);
  stream.on('resize', redraw.request);

  const print = (lines: readonly string[]) => {
    if (output.isBroken) return;
    clear();
    drawn = { lines: [], columns: stream.columns };
    output.write(`${lines.join('\n')}\n`);
    draw();
  };

  return {
    event(event) {
      view = reduceView(view, event);
      const lines = linesOf(event);
      if (lines.length === 0) redraw.request();
      else print(lines);
    },
    say: (message) => print([sanitize(message)]),
    close() {
      draw();
      stream.off('resize', redraw.request);
      block.done();
    },
  };
}

/** Rows that lines take on a terminal that wraps them. */
function rowsOf(lines: readonly string[], columns: number): number {
  return lines.reduce((sum, line) => {
    return sum + Math.max(1, Math.ceil(widthOf(stripVTControlCharacters(line)) / columns));
  }, 0);
}

function eraseAbove(rows: number): string {
  return `\r${'\u001b[1A\u001b[2K'.repeat(rows)}`;
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
    say: (message) => output.write(`${sanitize(message)}\n`),
    close: progress.cancel,
  };
}
