// Less often than it is asked for.

/** Runs `action` once after any number of requests, and at most once an interval. */
export function createLimiter(action: () => void, intervalMs: number) {
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
