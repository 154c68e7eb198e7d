// Shows a run as it happens, in the way that suits who reads: a person, a program, or nobody.
import type { Block } from './block.ts';
import { createDisplay, type Display } from './display.ts';
import { jsonLine, sanitize } from './format.ts';
import type { Doors } from './invitation.ts';
import { createJsonLog } from './json-log.ts';
import { permanentLines } from './lines.ts';
import type { LogFormat } from './log.ts';
import { createOutput, type OutputStream } from './output.ts';
import { createStyle, type Environment } from './style.ts';
import { isTrouble } from './trouble.ts';

/**
 * - `human`: everything on stdout.
 * - `json`: the events on stdout, one a line, and what people read on stderr.
 * - `quiet`: nothing on stdout; on stderr only what somebody should look into.
 */
export type ReporterMode = 'human' | 'json' | 'quiet';

export type Reporter = Display;

export interface ReporterOptions {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly mode: ReporterMode;
  /** With `json`, what people read is lines of JSON on stderr. */
  readonly logFormat?: LogFormat;
  readonly env: Environment;
  /** What a terminal shows all the time. */
  readonly block?: Block;
  /** How to join the run that is shown. */
  readonly doors?: Doors;
}

const reporters = { human, json, quiet } satisfies Record<
  ReporterMode,
  (options: ReporterOptions) => Reporter
>;

export function createReporter(options: ReporterOptions): Reporter {
  return reporters[options.mode](options);
}

function human({ stdout, stderr, env, doors, block, logFormat }: ReporterOptions): Reporter {
  if (logFormat === 'json') return createJsonLog(stderr);
  return createDisplay(stdout, { env, doors, block });
}

function json({ stdout, stderr, env, doors, block, logFormat }: ReporterOptions): Reporter {
  const output = createOutput(stdout);
  // On one screen with the events, a block that is drawn over again would erase them.
  const allowPinned = stdout.isTTY !== true;
  const display =
    logFormat === 'json'
      ? createJsonLog(stderr)
      : createDisplay(stderr, { env, doors, block, allowPinned, showsLinks: false });
  return {
    event(event) {
      output.write(jsonLine(event));
      display.event(event);
    },
    say: display.say,
    close: display.close,
  };
}

function quiet({ stderr, env, logFormat }: ReporterOptions): Reporter {
  if (logFormat === 'json') return createJsonLog(stderr, { isQuiet: true });
  const style = createStyle(stderr, env);
  const output = createOutput(stderr);
  return {
    event(event) {
      if (isTrouble(event)) output.write(`${permanentLines(event, style).join('\n')}\n`);
    },
    say: (message) => output.write(`${sanitize(message)}\n`),
    close() {},
  };
}
