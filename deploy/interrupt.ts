// Ctrl-C: once ends in order, twice at once.
import { exitCodes } from './exit-codes.ts';

/** Calls `end` at the first SIGINT or SIGTERM. Returns what stops listening. */
export function onInterrupt(end: (signal: NodeJS.Signals) => void): () => void {
  let count = 0;
  const handle = (signal: NodeJS.Signals): void => {
    if (++count > 1) process.exit(exitCodes.interrupted.status);
    end(signal);
  };
  process.on('SIGINT', handle);
  process.on('SIGTERM', handle);
  return () => {
    process.off('SIGINT', handle);
    process.off('SIGTERM', handle);
  };
}

/** Waits so long, or until somebody interrupts it. */
export function pause(durationMs: number): Promise<'over' | 'interrupted'> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      ignore();
      resolve('over');
    }, durationMs);
    const ignore = onInterrupt(() => {
      clearTimeout(timer);
      ignore();
      resolve('interrupted');
    });
  });
}
