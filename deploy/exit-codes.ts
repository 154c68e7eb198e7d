// Every way in which a command may end: scripts and schedulers branch on these numbers.

export const exitCodes = {
  ok: { status: 0, meaning: 'The command did what it was asked to do.' },
  failure: { status: 1, meaning: 'Something went wrong that has no number of its own.' },
  usage: { status: 2, meaning: 'A command, flag or value is unknown, missing or out of range.' },
  data: { status: 3, meaning: 'The data set is missing, damaged or not the one expected.' },
  address: { status: 4, meaning: 'The address is in use or cannot be bound.' },
  run: { status: 5, meaning: 'The run folder, its checkpoint or its lock is unusable.' },
  engine: {
    status: 6,
    meaning: 'The engine cannot run on this machine or computes wrong results.',
  },
  refused: { status: 7, meaning: 'The coordinator refuses us or can no longer be reached.' },
  diverged: { status: 8, meaning: 'The loss is no longer a finite number.' },
  interrupted: { status: 130, meaning: 'Somebody interrupted the command, as with Ctrl-C.' },
} as const satisfies Record<string, { status: number; meaning: string }>;

export type ExitCode = keyof typeof exitCodes;

/** An ending that a person can do something about: printed without a stack trace. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly code: ExitCode;
  /** What to do next. */
  readonly hint?: string;

  /** `message` says what is wrong, with the name or value at fault. */
  constructor(
    code: ExitCode,
    message: string,
    { hint, cause }: { hint?: string; cause?: unknown } = {},
  ) {
    super(message, { cause });
    this.code = code;
    this.hint = hint;
  }
}
