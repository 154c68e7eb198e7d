// The coordinator's end of doorbells: see `shared/doorbell.ts`.
import type { Socket } from 'socket.io';
import { decodeDoorbell, type GradientDoorbell, isOfGradient } from '../shared/doorbell.ts';
import { onDoorbell, ring } from '../shared/doorbell-frame.ts';
import { type PlacedMessage, typeOf } from '../shared/memory-messages.ts';
import { createRateLimit, type Limits } from './limits.ts';

/** `rang` returns whether it had a use for it: what had none, or is too much, goes the way of all messages. */
export function listenForDoorbells(
  socket: Socket,
  { messagesPerSecond }: Pick<Limits, 'messagesPerSecond'>,
  rang: (doorbell: GradientDoorbell) => boolean,
): void {
  const isAllowed = createRateLimit(messagesPerSecond, performance.now());
  onDoorbell(webSocketOf(socket), (bytes) => {
    if (!socket.connected || !isAllowed(performance.now())) return false;
    const doorbell = decodeDoorbell(bytes);
    return doorbell !== undefined && isOfGradient(doorbell) && rang(doorbell);
  });
}

/** Says `message` past socket.io. False where it cannot be said so, or would overtake another one. */
export function ringAt(socket: Socket, message: unknown): boolean {
  const { writeBuffer } = socket.conn as unknown as { readonly writeBuffer: readonly unknown[] };
  if (typeOf(message) !== 'placed' || !socket.connected || writeBuffer.length > 0) return false;
  return ring(webSocketOf(socket), message as PlacedMessage, false);
}

function webSocketOf({ conn }: Socket): object {
  return (conn.transport as unknown as { readonly socket: object }).socket;
}
