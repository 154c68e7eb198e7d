// Where a person started it, a completed run stays to be looked at; scripts and pipes want it to end.
import type { ServeFlags } from './serve-options.ts';

export interface Linger {
  /** Settles at once where nobody looks, else when it is stopped. */
  begin(): Promise<void>;
  /** False when it has not begun, or is over. */
  stop(): boolean;
}

type LingerFlags = Pick<ServeFlags, 'exit' | 'json' | 'quiet'>;

export function createLinger(
  { exit, json, quiet }: LingerFlags,
  say: (message: string) => void,
  isTerminal: boolean = process.stdin.isTTY === true && process.stdout.isTTY === true,
): Linger {
  let end: (() => void) | undefined;
  return {
    begin: async () => {
      if (exit || json || quiet || !isTerminal) return;
      say('The run can be watched until Ctrl-C ends this.');
      await new Promise<void>((resolve) => {
        end = resolve;
      });
      end = undefined;
    },
    stop: () => {
      end?.();
      return end !== undefined;
    },
  };
}
