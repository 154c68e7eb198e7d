// Watchers' sockets: everything that happened, then everything that happens.
import type { Server, Socket } from 'socket.io';
import * as v from 'valibot';
import {
  messageEvent,
  protocolVersion,
  rejectReasons,
  watchNamespace,
} from '../shared/protocol.ts';
import type { EventLog } from './event-log.ts';
import { openLogReader } from './log-reader.ts';

/** A watcher says which events it has: those of `run` up to `since` are not sent again. */
const handshakeSchema = v.object({
  protocol: v.literal(protocolVersion),
  since: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0)), 0),
  run: v.optional(v.string()),
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
    const { since: seq, run } = v.parse(handshakeSchema, socket.handshake.auth);
    const reader = openLogReader({
      log,
      since: { seq, run },
      hasRoom: () => hasRoom(socket),
      send: (event) => socket.emit(messageEvent, event),
    });
    socket.conn.on('drain', reader.catchUp);
    socket.on('disconnect', () => {
      reader.close();
      socket.conn.off('drain', reader.catchUp);
    });
  });
}

function hasRoom({ conn, connected }: Socket): boolean {
  const { writeBuffer } = conn as unknown as { readonly writeBuffer: readonly unknown[] };
  return connected && writeBuffer.length < maxWaitingFrames;
}
