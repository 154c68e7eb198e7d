// One who reads the event log over a network: gets as much as it takes, and old progress is gone by the time that a
// slow one comes to it.
import type { RunEvent } from '../shared/events.ts';
import type { EventLog } from './event-log.ts';

/** The last event that a reader has. */
export interface Position {
  readonly seq: number;
  /** In another run the number means nothing: then it begins with the first event. */
  readonly run?: string;
}

export interface LogReaderOptions {
  readonly log: EventLog;
  readonly since: Position;
  /** May more be sent now? If not, `catchUp` is called when it may. */
  readonly hasRoom: () => boolean;
  readonly send: (event: RunEvent) => void;
}

export interface LogReader {
  /** There is room again. */
  catchUp(): void;
  close(): void;
}

export function openLogReader({ log, since, hasRoom, send }: LogReaderOptions): LogReader {
  let newestSeq = log.history.at(-1)?.seq ?? 0;
  let lastSeq = isSameRun(log, since) ? Math.min(since.seq, newestSeq) : 0;
  let isCatchingUp = false;
  let isClosed = false;

  const deliver = (event: RunEvent): void => {
    lastSeq = event.seq;
    send(event);
  };
  const sendMissing = (): void => {
    isCatchingUp = false;
    const { history } = log;
    const first = history.findLastIndex(({ seq }) => seq <= lastSeq) + 1;
    for (let at = first; !isClosed && at < history.length && hasRoom(); at++) deliver(history[at]);
  };
  /** Not at once: a fast reader of a long history would keep everybody else waiting. */
  const catchUp = (): void => {
    if (isCatchingUp || lastSeq === newestSeq) return;
    isCatchingUp = true;
    setImmediate(sendMissing);
  };
  const unsubscribe = log.subscribe((event) => {
    newestSeq = event.seq;
    if (event.seq === lastSeq + 1 && hasRoom()) deliver(event);
    else catchUp();
  });
  catchUp();
  return {
    catchUp,
    close: () => {
      isClosed = true;
      unsubscribe();
    },
  };
}

function isSameRun(log: EventLog, { run }: Position): boolean {
  const first = log.history.find(({ type }) => type === 'run');
  return run === undefined || first?.type !== 'run' || first.run === run;
}
