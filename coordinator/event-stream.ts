// The event log as Server-Sent Events: what the watchers' sockets get, for whatever speaks HTTP.
import type { ServerResponse } from 'node:http';
import type { RunEvent } from '../shared/events.ts';
import type { EventLog } from './event-log.ts';
import type { Limits } from './limits.ts';
import { openLogReader, type Position } from './log-reader.ts';
import { answerText, type Route } from './routes.ts';

const eventsPath = '/api/v1/events';

/** Bytes that may wait for a reader; the rest stays in the log until it has read them. */
const maxWaitingBytes = 2 ** 18;
/** Of all connections: workers find a place, however many pages are open. */
const largestShare = 1 / 4;

type StreamLimits = Pick<Limits, 'maxConnections' | 'joinTimeoutMs'>;

/**
 * `?since=` and `Last-Event-ID` take the number of the last event that a reader has, or that event's id. Each event is
 * one line of JSON; a comment between them shows that the connection stands.
 */
export function eventStreamRoute(
  log: EventLog,
  { maxConnections, joinTimeoutMs }: StreamLimits,
): Route {
  const maxStreams = Math.ceil(maxConnections * largestShare);
  const textOf = lastKept((event: RunEvent) => JSON.stringify(event));
  let streams = 0;
  return {
    path: eventsPath,
    door: 'watch',
    answer: ({ request, response, query }) => {
      const since = parsePosition(request.headers['last-event-id'] ?? query.get('since') ?? '0');
      if (since === undefined) {
        return answerText(response, 400, 'since: expected the number or the id of an event.');
      }
      if (streams >= maxStreams) {
        response.setHeader('retry-after', 10);
        return answerText(response, 503, 'As many streams as may be are open already.');
      }
      streams++;
      const heartbeatMs = joinTimeoutMs / 4;
      const close = openStream(response, { log, since, heartbeatMs, textOf });
      response.once('close', () => {
        streams--;
        close();
      });
    },
  };
}

interface StreamOptions {
  readonly log: EventLog;
  readonly since: Position;
  readonly heartbeatMs: number;
  readonly textOf: (event: RunEvent) => string;
}

/** Whoever reads nothing for longer than a connection may stand still is hung up on by the server. */
function openStream(
  response: ServerResponse,
  { log, since, heartbeatMs, textOf }: StreamOptions,
): () => void {
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    // For nginx, which would gather a page of events before it passes them on.
    'x-accel-buffering': 'no',
  });
  response.flushHeaders();
  let run = runOf(log.history);
  const hasRoom = (): boolean => response.writableLength < maxWaitingBytes;
  const reader = openLogReader({
    log,
    since,
    hasRoom,
    send: (event) => {
      run = runOf([event]) ?? run;
      response.write(`id: ${run}/${event.seq}\ndata: ${textOf(event)}\n\n`);
      if (event.type === 'end') response.end();
    },
  });
  response.on('drain', reader.catchUp);
  const heartbeat = setInterval(() => {
    if (hasRoom()) response.write(':\n\n');
  }, heartbeatMs);
  return () => {
    clearInterval(heartbeat);
    reader.close();
  };
}

/** Answers the same question again without work: all who listen are told of an event one after the other. */
function lastKept<Key, Value>(compute: (key: Key) => Value): (key: Key) => Value {
  let last: { readonly key: Key; readonly value: Value } | undefined;
  return (key) => {
    if (last?.key !== key) last = { key, value: compute(key) };
    return last.value;
  };
}

function runOf(events: readonly RunEvent[]): string | undefined {
  const event = events.find(({ type }) => type === 'run');
  return event?.type === 'run' ? event.run : undefined;
}

/** `57`, or `20261122-105412-mnist-4k2f/57`. */
function parsePosition(text: string | string[]): Position | undefined {
  const [, run, seq] = /^(?:([\w.-]{1,100})\/)?(\d{1,15})$/.exec(String(text)) ?? [];
  return seq === undefined ? undefined : { run, seq: Number(seq) };
}
