// Doorbells straight from and into the connection under a WebSocket of `ws`, past it and the libraries above it. What is
// touched here is not theirs to promise, so where it is not as it was in ws 8 a doorbell takes the way of all messages,
// and is understood there.
import { type Doorbell, encodeDoorbell, isDoorbell } from './doorbell.ts';
import type { PlacedMessage } from './memory-messages.ts';

interface WebSocketParts {
  readonly readyState: number;
  readonly _socket?: { write(bytes: Uint8Array): boolean };
  readonly _receiver?: {
    readonly _isServer: boolean;
    readonly _state: number;
    readonly _bufferedBytes: number;
    readonly _fragmented: number;
  };
}

const open = 1;
/** Between two frames. */
const idle = 0;

/** Final, and of bytes. */
const frameByte = 0x82;
const maskBit = 0x80;
const maskBytes = 4;
/** A shorter payload has its length in the second byte; this one has it in the next two, and up to so many bytes. */
const extended = 126;
const longest = 0xffff;

/** Takes a doorbell, and returns whether it could. */
export type DoorbellListener = (doorbell: Uint8Array) => boolean;

const listeners = new WeakMap<object, DoorbellListener>();

/** Whatever the listener does not take, and what comes together with something else, goes the way of all messages. */
export function onDoorbell(webSocket: object, listener: DoorbellListener): void {
  listeners.set(webSocket, listener);
}

/** Whether these bytes, which have just come, were a doorbell and nothing else, and somebody took it. */
export function wasDoorbell(webSocket: object, bytes: Uint8Array): boolean {
  if (bytes[0] !== frameByte) return false;
  const listener = listeners.get(webSocket);
  if (listener === undefined) return false;
  const { readyState, _receiver: receiver } = webSocket as WebSocketParts;
  if (readyState !== open || receiver?._state !== idle) return false;
  if (receiver._bufferedBytes !== 0 || receiver._fragmented !== 0) return false;
  const payload = payloadOf(bytes, receiver._isServer);
  return payload !== undefined && isDoorbell(payload) && listener(payload);
}

/**
 * A client must mask what it sends; with the key 0 it stays as it is. False where this cannot be, or the message is more
 * than a doorbell says.
 */
export function ring(
  webSocket: object,
  message: PlacedMessage | Doorbell,
  isClient: boolean,
): boolean {
  const { readyState, _socket: socket } = webSocket as WebSocketParts;
  if (readyState !== open || socket === undefined) return false;
  const doorbell = encodeDoorbell(message);
  if (doorbell === undefined || doorbell.length > longest) return false;
  socket.write(frameOf(doorbell, isClient));
  return true;
}

function frameOf(payload: Uint8Array, isMasked: boolean): Uint8Array {
  const { length } = payload;
  const isShort = length < extended;
  const maskStart = isShort ? 2 : 4;
  const start = maskStart + (isMasked ? maskBytes : 0);
  const frame = new Uint8Array(start + length);
  frame[0] = frameByte;
  frame[1] = (isMasked ? maskBit : 0) | (isShort ? length : extended);
  if (!isShort) {
    frame[2] = length >> 8;
    frame[3] = length & 0xff;
  }
  frame.set(payload, start);
  return frame;
}

/** Undefined where the bytes are not one whole frame, masked as they must be and with the key 0. */
function payloadOf(bytes: Uint8Array, isMasked: boolean): Uint8Array | undefined {
  if ((bytes[1] & maskBit) !== (isMasked ? maskBit : 0)) return undefined;
  const said = bytes[1] & ~maskBit;
  const maskStart = said < extended ? 2 : 4;
  const start = maskStart + (isMasked ? maskBytes : 0);
  const length = said < extended ? said : bytes[2] * 256 + bytes[3];
  if (said > extended || bytes.length !== start + length) return undefined;
  for (let at = maskStart; at < start; at++) if (bytes[at] !== 0) return undefined;
  return bytes.subarray(start);
}
