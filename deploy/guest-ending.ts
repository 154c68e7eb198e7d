// How it ends to have joined a run, for those who joined.
import { CliError, type ExitCode } from './exit-codes.ts';
import type { Log } from './terminal/log.ts';

export type GuestEnding =
  | { readonly kind: 'finished'; readonly reason: string }
  | { readonly kind: 'left' }
  | { readonly kind: 'refused'; readonly detail: string };

/** Throws what a person has to know. */
export function statusOfGuest(
  who: 'worker' | 'relay',
  ending: GuestEnding,
  url: string,
  log: Log,
): ExitCode {
  switch (ending.kind) {
    case 'finished':
      log.info(`the run is over: ${ending.reason}`);
      return 'ok';
    case 'left':
      return 'ok';
    case 'refused':
      throw new CliError('refused', `This ${who} cannot join ${url}: ${ending.detail}.`);
    default:
      return ending satisfies never;
  }
}
