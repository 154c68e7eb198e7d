// Who was turned away, told no faster than people read: a stranger who comes again and again must not fill
// the log.

export interface Refusals {
  /** `why` is one of a fixed set of sentences. */
  add(who: string, why: string): void;
  /** Tells what has not been told yet, and nothing after that. */
  close(): void;
}

interface Untold {
  readonly timer: NodeJS.Timeout;
  count: number;
  last: string;
}

/** The first for each reason is told at once, those after it as one number, every `everyMs`. */
export function createRefusals(tell: (message: string) => void, everyMs = 5000): Refusals {
  const untold = new Map<string, Untold>();
  let isClosed = false;

  const open = (why: string): void => {
    untold.set(why, { timer: setTimeout(tellOthers, everyMs, why), count: 0, last: '' });
  };
  const tellOthers = (why: string): void => {
    const { timer, count, last } = untold.get(why)!;
    clearTimeout(timer);
    untold.delete(why);
    if (count === 0) return;
    tell(`refused ${count} more, the last one "${last}": ${why}`);
    if (!isClosed) open(why);
  };
  return {
    add: (who, why) => {
      if (isClosed) return;
      const others = untold.get(why);
      if (others === undefined) {
        tell(`refused "${who}": ${why}`);
        open(why);
      } else {
        others.count++;
        others.last = who;
      }
    },
    close: () => {
      isClosed = true;
      for (const why of [...untold.keys()]) tellOthers(why);
    },
  };
}
