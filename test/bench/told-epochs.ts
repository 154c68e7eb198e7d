// The epochs that a training run tells of, as lines of JSON.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface EpochLine {
  readonly type?: string;
  /** Of training. */
  readonly seconds: number;
  readonly samples?: number;
  readonly testAccuracy: number;
  readonly counters?: { readonly bytesIn: number; readonly bytesOut: number };
}

export interface TrainingCommand {
  readonly command: string;
  readonly words: readonly string[];
  /** Of the lines, all but those of another type. */
  readonly type?: string;
}

/** Each with its process, which is ended when nobody wants more. */
export async function* epochsOf<Line extends EpochLine = EpochLine>(
  { command, words, type }: TrainingCommand,
  cwd: string,
): AsyncGenerator<{ readonly epoch: Line; readonly pid: number }> {
  const child = spawn(command, words, { cwd, stdio: ['ignore', 'pipe', 'ignore'] });
  const gone = once(child, 'exit');
  try {
    for await (const text of createInterface(child.stdout)) {
      const epoch: Line = JSON.parse(text);
      if (epoch.type === type) yield { epoch, pid: child.pid! };
    }
  } finally {
    child.kill();
    await gone;
  }
}
