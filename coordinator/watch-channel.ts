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

/** Frames that may wait for one who does not read; then progress is skipped, later all hope given up. */
const maxWaitingFrames = 64;
const hopelessFrames = 4096;

export function openWatchChannel(io: Server, log: EventLog): void {
  const namespace = io.of(watchNamespace);
  namespace.use((socket, next) => {
    if (v.is(handshakeSchema, socket.handshake.auth)) return next();
    next(Object.assign(new Error(rejectReasons.protocol), { data: { reason: 'protocol' } }));
  });
  namespace.on('connection', (socket) => {
    const { since } = v.parse(handshakeSchema, socket.handshake.auth);
    for (const event of log.history) if (event.seq > since) socket.emit(messageEvent, event);
    const unsubscribe = log.subscribe((event) => tell(socket, event));
    socket.on('disconnect', unsubscribe);
  });
}

function tell(socket: Socket, event: RunEvent): void {
  const waiting = (socket.conn as unknown as { writeBuffer: unknown[] }).writeBuffer.length;
  if (waiting > hopelessFrames) socket.disconnect(true);
  else if (waiting < maxWaitingFrames || event.type !== 'step') socket.emit(messageEvent, event);
}
