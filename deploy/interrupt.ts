// Ctrl-C: once ends in order, twice at once.
import { exitCodes } from './exit-codes.ts';

/** Calls `end` at the first SIGINT or SIGTERM. Returns what stops listening. */
export function onInterrupt(end: () => void): () => void {
  let count = 0;
  const handle = (): void => {
    if (++count > 1) process.exit(exitCodes.interrupted.status);
    end();
  };
  process.on('SIGINT', handle);
  process.on('SIGTERM', handle);
  return () => {
    process.off('SIGINT', handle);
    process.off('SIGTERM', handle);
  };
}
