// How much of the coordinator anybody may use.

export interface Limits {
  /** Open connections in all, watchers included. */
  readonly maxConnections: number;
  /** From the first byte to being a worker that is ready, or a watcher. */
  readonly joinTimeoutMs: number;
  /**
   * From one socket, on average; twice as many at once. Hundreds of steps a second, each cut finely, make
   * thousands of messages of an honest worker.
   */
  readonly messagesPerSecond: number;
}

export const defaultLimits: Limits = {
  // A thousand workers who all begin: each has a socket, and four blocks of training data on their way.
  maxConnections: 6000,
  joinTimeoutMs: 120_000,
  messagesPerSecond: 10_000,
};

/** Lets `burst` pass at once and `perSecond` on average. `now` in milliseconds, here and there. */
export function createRateLimit(
  perSecond: number,
  now: number,
  burst = 2 * perSecond,
): (now: number) => boolean {
  let tokens = burst;
  let filledAt = now;
  return (at) => {
    tokens = Math.min(burst, tokens + ((at - filledAt) / 1000) * perSecond);
    filledAt = at;
    if (tokens < 1) return false;
    tokens--;
    return true;
  };
}

/** One such limit for each caller. Of more than `maxCallers`, who called longest ago starts anew. */
export function createRateLimits(
  perSecond: number,
  burst: number,
  maxCallers: number,
): (caller: string, now: number) => boolean {
  const limits = new Map<string, (now: number) => boolean>();
  return (caller, now) => {
    const isAllowed = limits.get(caller) ?? createRateLimit(perSecond, now, burst);
    // At the end of the order again.
    limits.delete(caller);
    limits.set(caller, isAllowed);
    if (limits.size > maxCallers) limits.delete(limits.keys().next().value!);
    return isAllowed(now);
  };
}
