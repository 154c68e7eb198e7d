// How a WebSocket of `ws` receives without fresh memory: its socket reads into one buffer, always the same, and large
// messages are put together in places that are used again. Both libraries would rather have a new buffer for each read
// and one more for each message. What is touched here is not theirs to promise, so where it is not as it was in Node 20
// and ws 8 everything stays as they do it.
import { wasDoorbell } from './doorbell-frame.ts';
import type { MessagePlaces } from './message-places.ts';

/** What `ws` knows of the message that is under way. */
interface Receiver {
  /** What came and was not consumed yet. */
  _buffers: Uint8Array[];
  _bufferedBytes: number;
  _mask: Uint8Array | undefined;
  readonly _payloadLength: number;
  /** Not 0 in a message that comes in several frames. */
  readonly _fragmented: number;
  readonly _fragments: Uint8Array[];
  /** The next so many bytes, which have all come: a view of the first piece, or fresh memory. */
  consume(count: number): Uint8Array;
  /** The head of a frame is here: perhaps its payload is, too. */
  getData(callback: () => void): void;
}

interface SocketHandle {
  useUserBuffer(buffer: Uint8Array): void;
}

interface Socket {
  readonly _handle?: Partial<SocketHandle>;
  emit(event: 'data', chunk: Uint8Array): void;
  once(event: 'close', listener: () => void): void;
}

interface WebSocketParts {
  readonly _receiver?: Receiver;
  readonly _socket?: Socket;
}

/** A good size for `reading`: larger ones save calls, but fall out of the processor's cache. */
export const readBytes = 1 << 18;

export interface SteadyMemory {
  /** Every read goes there. No other memory shares its ArrayBuffer. */
  readonly reading: Uint8Array;
  /** For messages larger than that: so no two of a connection are complete before the first has been handled. */
  readonly places: MessagePlaces;
  /** Memory of its own for a few bytes. */
  copyOf(bytes: Uint8Array): Uint8Array;
}

/** `webSocket` is open and has not received anything. Its messages stay in memory only while they are handled. */
export function receiveSteadily(webSocket: object, memory: SteadyMemory): void {
  const { _receiver: receiver, _socket: socket } = webSocket as WebSocketParts;
  if (receiver === undefined || socket === undefined || !canReadInto(socket)) return;
  const settle = gatherLarge(receiver, socket, memory);
  readInto(socket, memory.reading, (count) => {
    memory.places.beginTurn();
    const bytes = memory.reading.subarray(0, count);
    if (wasDoorbell(webSocket, bytes)) return;
    socket.emit('data', bytes);
    settle();
  });
}

/** Returns what to do when a read has been looked at, before the next one. */
function gatherLarge(receiver: Receiver, socket: Socket, memory: SteadyMemory): () => void {
  const { reading, places, copyOf } = memory;
  /** Where a message is gathered, and what of it is there: the first of the receiver's buffers. */
  let place: Uint8Array | undefined;
  let gathered: Uint8Array | undefined;
  const consume = receiver.consume.bind(receiver);
  const getData = receiver.getData.bind(receiver);

  /** Moves so many bytes behind those that are there. */
  const gather = (count: number): Uint8Array => {
    place ??= places.take(receiver._payloadLength);
    let end = 0;
    for (; end < count; ) {
      // What is in its place already is consumed and put there again.
      const piece = consume(Math.min(count - end, receiver._buffers[0].length));
      if (piece !== gathered) place.set(piece, end);
      end += piece.length;
    }
    return place.subarray(0, count);
  };
  receiver.consume = (count) => {
    if (gathered === undefined) return consume(count);
    const message = gather(count);
    places.leave(place!);
    place = undefined;
    gathered = undefined;
    return message;
  };
  receiver.getData = (callback) => {
    const { _payloadLength, _bufferedBytes, _fragmented } = receiver;
    const isLarge = _payloadLength > reading.length && _fragmented === 0;
    if (isLarge && _bufferedBytes > 0 && _bufferedBytes < _payloadLength) {
      gathered = gather(_bufferedBytes);
      receiver._buffers = [gathered];
      receiver._bufferedBytes = _bufferedBytes;
    }
    getData(callback);
  };
  socket.once('close', () => {
    if (place !== undefined) places.leave(place);
    place = undefined;
  });

  const mustMove = (bytes: Uint8Array | undefined) => bytes?.buffer === reading.buffer;
  return () => {
    if (mustMove(receiver._mask)) receiver._mask = copyOf(receiver._mask!);
    for (const pieces of [receiver._buffers, receiver._fragments]) {
      for (let at = pieces.length - 1; mustMove(pieces[at]); at--) pieces[at] = copyOf(pieces[at]);
    }
  };
}

/** By the names of Node's own symbols for the option `onread`, which a socket that was accepted cannot be given. */
function ownSymbols(socket: object): [buffer: symbol | undefined, callback: symbol | undefined] {
  const symbols = Object.getOwnPropertySymbols(socket);
  const named = (name: string) => symbols.find(({ description }) => description === name);
  return [named('kBuffer'), named('kBufferCb')];
}

function canReadInto(socket: Socket): boolean {
  const isKnown = !ownSymbols(socket).includes(undefined);
  return isKnown && socket._handle?.useUserBuffer !== undefined;
}

/** Instead of emitting each read as a buffer of its own. */
function readInto(socket: Socket, buffer: Uint8Array, onRead: (count: number) => void): void {
  const [bufferKey, callbackKey] = ownSymbols(socket) as [symbol, symbol];
  const goOn = true;
  Object.assign(socket, {
    [bufferKey]: buffer,
    [callbackKey]: (count: number) => {
      onRead(count);
      return goOn;
    },
  });
  socket._handle!.useUserBuffer!(buffer);
}
