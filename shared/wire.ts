// A message <-> the bytes of one frame. A frame is itself one MessagePack array:
//
//   [checksum]                                 3 + 5 bytes: array16, uint32; covers all that follows
//   [checksum, header]                         a message without payload
//   [checksum, header, padding, payload]       with one: bin8 and bin32, the payload at a multiple of 8
//
// The payload, up to megabytes of float32, is never scanned, unpacked or copied to be read.
import { type Options, Packr } from 'msgpackr';
import { checksum } from './checksum.ts';
import { scanMessagePack } from './msgpack-scan.ts';

const headerStart = 8;
const maxHeaderBytes = 1 << 18;
const headerLimits = { maxDepth: 12, maxNodes: 20_000 };
const payloadAlignment = 8;
/** bin8 (type, length) before the padding and bin32 (type, length) before the payload. */
const payloadOverhead = 2 + 5;

/** Room that a frame needs beyond its payload, for limits on what is received. */
export const maxFrameOverheadBytes = headerStart + maxHeaderBytes + payloadOverhead + 8;

const packrOptions: Options & { readonly skipValues: unknown[] } = {
  useRecords: false,
  variableMapSize: true,
  int64AsType: 'number',
  // As JSON does: without it `undefined` becomes an extension type, which no receiver here accepts.
  skipValues: [undefined],
};
const packr = new Packr(packrOptions);

/** A frame that cannot be trusted: `reason` is for the counters, the message for people. */
export class WireError extends Error {
  override readonly name = 'WireError';
  readonly reason: 'malformed' | 'corrupt';

  constructor(reason: 'malformed' | 'corrupt', message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** In front of a payload, for a frame to be written around it: a header with more gets a frame of its own. */
const roomBytes = 512;
const roomy = new WeakSet<Uint8Array>();

/** Memory for a payload of so many bytes that is sent without being copied. */
export function roomForFrame(payloadBytes: number): number {
  return roomBytes + payloadBytes;
}

/** The part of such memory that the payload belongs into; the frame of that very object is written around it. */
export function payloadIn(room: Uint8Array): Uint8Array {
  const payload = room.subarray(roomBytes);
  roomy.add(payload);
  return payload;
}

/**
 * `header` must hold JSON's types only. The result is a buffer of its own: nothing in it is shared, unless the
 * payload is one that has room for its frame.
 */
export function encodeFrame(header: unknown, payload?: Uint8Array): Uint8Array {
  const packed = packr.pack(header);
  const headerEnd = headerStart + packed.length;
  if (payload === undefined) return seal(new Uint8Array(headerEnd), packed, 2);
  const padding = -(headerEnd + payloadOverhead) & (payloadAlignment - 1);
  const payloadStart = headerEnd + payloadOverhead + padding;
  const isInPlace = payloadStart <= roomBytes && roomy.has(payload);
  const frame = isInPlace
    ? new Uint8Array(
        payload.buffer,
        payload.byteOffset - payloadStart,
        payloadStart + payload.length,
      )
    : new Uint8Array(payloadStart + payload.length);
  frame[headerEnd] = 0xc4;
  frame[headerEnd + 1] = padding;
  frame.fill(0, headerEnd + 2, payloadStart - 5);
  frame[payloadStart - 5] = 0xc6;
  viewOf(frame).setUint32(payloadStart - 4, payload.length);
  if (!isInPlace) frame.set(payload, payloadStart);
  return seal(frame, packed, 4);
}

function seal(frame: Uint8Array, packed: Uint8Array, elements: number): Uint8Array {
  frame.set([0xdc, 0, elements, 0xce]);
  frame.set(packed, headerStart);
  viewOf(frame).setUint32(4, checksum(frame.subarray(headerStart)));
  return frame;
}

/**
 * The payload is a view of `frame` where its memory allows a Float32Array over it, else a copy. Throws
 * WireError. Beyond the checksum our own messages take a few microseconds, the worst of a stranger's a few
 * milliseconds.
 */
export function decodeFrame(frame: Uint8Array): { header: unknown; payload?: Uint8Array } {
  const elements = frame[2];
  const isFrame =
    frame.length > headerStart &&
    frame[0] === 0xdc &&
    frame[1] === 0 &&
    (elements === 2 || elements === 4) &&
    frame[3] === 0xce;
  if (!isFrame) throw new WireError('malformed', 'the bytes are not a tutti frame');
  if (viewOf(frame).getUint32(4) !== checksum(frame.subarray(headerStart))) {
    throw new WireError('corrupt', 'the checksum of a frame does not match its bytes');
  }
  const headerEnd = endOfHeader(frame);
  const payload = elements === 4 ? payloadOf(frame, headerEnd) : undefined;
  if (elements === 2 && headerEnd !== frame.length) {
    throw new WireError('malformed', 'a frame goes on after its header');
  }
  return { header: unpackHeader(frame.subarray(headerStart, headerEnd)), payload };
}

function endOfHeader(frame: Uint8Array): number {
  const bounded = frame.subarray(0, headerStart + maxHeaderBytes);
  try {
    return scanMessagePack(bounded, headerStart, headerLimits);
  } catch (cause) {
    throw new WireError('malformed', `a frame was refused: ${(cause as Error).message}`, { cause });
  }
}

function payloadOf(frame: Uint8Array, headerEnd: number): Uint8Array {
  const padding = frame[headerEnd + 1];
  const start = headerEnd + payloadOverhead + padding;
  const isWhole =
    frame[headerEnd] === 0xc4 &&
    padding < payloadAlignment &&
    start <= frame.length &&
    frame[start - 5] === 0xc6 &&
    viewOf(frame).getUint32(start - 4) === frame.length - start;
  if (!isWhole) throw new WireError('malformed', 'the payload of a frame is not in its place');
  const payload = frame.subarray(start);
  return payload.byteOffset % 4 === 0 ? payload : new Uint8Array(payload);
}

function unpackHeader(bytes: Uint8Array): unknown {
  try {
    return packr.unpack(bytes);
  } catch (cause) {
    throw new WireError('malformed', 'the header of a frame cannot be unpacked', { cause });
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
