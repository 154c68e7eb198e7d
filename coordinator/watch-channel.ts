// Watchers' sockets: everything that happened, then everything that happens.
import type { Server, Socket } from 'socket.io';
import * as v from 'valibot';
import type { RunEvent } from '../shared/events.ts';
import {
  messageEvent,
  protocolVersion,
  rejectReasons,
  watchNamespace,
} from '../shared/protocol.ts';
import type { EventLog } from './event-log.ts';

/** A watcher says which events it has: those up to `since` are not sent again. */
const handshakeSchema = v.object({
  protocol: v.literal(protocolVersion),
  since: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0)), 0),
});

/** Frames that may wait for a watcher; the rest stays in the log until it has read them. */
const maxWaitingFrames = 32;

export function openWatchChannel(io: Server, log: EventLog): void {
  const namespace = io.of(watchNamespace);
  namespace.use((socket, next) => {
    const { auth } = socket.handshake;
    if (v.is(handshakeSchema, auth)) return next();
    const reason = auth.protocol === protocolVersion ? 'handshake' : 'protocol';
    next(Object.assign(new Error(rejectReasons[reason]), { data: { reason } }));
  });
  namespace.on('connection', (socket) => {
    const { since } = v.parse(handshakeSchema, socket.handshake.auth);
    const reader = createReader(socket, log, since);
    const unsubscribe = log.subscribe(reader.hear);
    socket.conn.on('drain', reader.catchUpSoon);
    socket.on('disconnect', () => {
      unsubscribe();
      socket.conn.off('drain', reader.catchUpSoon);
    });
    reader.catchUpSoon();
  });
}

/** Sends a watcher as much as it reads: old progress is gone by the time that a slow one comes to it. */
function createReader(socket: Socket, log: EventLog, since: number) {
  let newestSeq = log.history.at(-1)?.seq ?? 0;
  let lastSeq = Math.min(since, newestSeq);
  let isCatchingUp = false;

  const hasRoom = (): boolean => {
    const { writeBuffer } = socket.conn as unknown as { readonly writeBuffer: readonly unknown[] };
    return socket.connected && writeBuffer.length < maxWaitingFrames;
  };
  const send = (event: RunEvent): void => {
    lastSeq = event.seq;
    socket.emit(messageEvent, event);
  };
  const catchUp = (): void => {
    isCatchingUp = false;
    const { history } = log;
    const first = history.findLastIndex(({ seq }) => seq <= lastSeq) + 1;
    for (let at = first; at < history.length && hasRoom(); at++) send(history[at]);
  };
  /** Not at once: a fast reader of a long history would keep everybody else waiting. */
  const catchUpSoon = (): void => {
    if (isCatchingUp || lastSeq === newestSeq) return;
    isCatchingUp = true;
    setImmediate(catchUp);
  };
  const hear = (event: RunEvent): void => {
    newestSeq = event.seq;
    if (event.seq === lastSeq + 1 && hasRoom()) send(event);
    else catchUpSoon();
  };
  return { hear, catchUpSoon };
}
