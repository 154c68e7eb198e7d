// socket.io's parser interface over our frames: one packet, one binary frame, on both sides of the wire.
import { Emitter } from '@socket.io/component-emitter';
import { isPacketValid, type Packet, PacketType } from 'socket.io-parser';
import { decodeDoorbell, isDoorbell } from './doorbell.ts';
import { messageEvent, workNamespace } from './protocol.ts';
import { decodeFrame, encodeFrame, WireError } from './wire.ts';

export class Encoder {
  /** A message object is encoded once, however many sockets it goes to and whenever it goes. */
  readonly #frames = new WeakMap<object, { nsp: string; event: string; frames: [Uint8Array] }>();

  encode(packet: Packet): [Uint8Array] {
    const { nsp, data, id } = packet;
    if (!carriesBytes(data)) return [encodeFrame(headerOf(packet, data))];
    const [event, message] = data;
    const known = this.#frames.get(message);
    const isShared = id === undefined;
    if (isShared && known?.nsp === nsp && known.event === event) return known.frames;
    const { payload, ...rest } = message;
    const frames: [Uint8Array] = [encodeFrame(headerOf(packet, [event, rest]), payload)];
    if (isShared) this.#frames.set(message, { nsp, event, frames });
    return frames;
  }
}

function headerOf({ type, nsp, id }: Packet, data: unknown): unknown[] {
  const header: unknown[] = [type, nsp];
  if (data !== undefined || id !== undefined) header.push(data ?? null);
  if (id !== undefined) header.push(id);
  return header;
}

function carriesBytes(data: unknown): data is [string, { payload: Uint8Array }] {
  return Array.isArray(data) && data.length === 2 && data[1]?.payload instanceof Uint8Array;
}

interface DecoderEvents {
  decoded: (packet: Packet) => void;
}

export class Decoder extends Emitter<Record<never, never>, Record<never, never>, DecoderEvents> {
  /** Throws WireError, upon which socket.io closes the connection. */
  add(chunk: unknown): void {
    const bytes = bytesOf(chunk);
    this.emitReserved('decoded', isDoorbell(bytes) ? doorbellIn(bytes) : packetIn(bytes));
  }

  destroy(): void {
    this.off();
  }
}

/** One that came together with something else, or where nobody listens for it alone. */
function doorbellIn(bytes: Uint8Array): Packet {
  const doorbell = decodeDoorbell(bytes);
  if (doorbell === undefined) throw new WireError('malformed', 'the bytes are not a doorbell');
  return { type: PacketType.EVENT, nsp: workNamespace, data: [messageEvent, doorbell] };
}

function packetIn(bytes: Uint8Array): Packet {
  const { header, payload } = decodeFrame(bytes);
  if (!Array.isArray(header) || header.length < 2 || header.length > 4) {
    throw new WireError('malformed', 'the header of a frame is not a packet');
  }
  const [type, nsp, data, id] = header;
  const packet: Packet = { type: type as PacketType, nsp, data, id };
  if (data === null) packet.data = undefined;
  // The library's own parser cannot even read a negative id, so its check lets one pass.
  if (!isPacketValid(packet) || (packet.id ?? 0) < 0)
    throw new WireError('malformed', 'a packet is not valid');
  if (payload !== undefined) attach(packet, payload);
  return packet;
}

function bytesOf(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
  throw new WireError('malformed', 'a text frame came where only binary ones are spoken');
}

function attach(packet: Packet, payload: Uint8Array): void {
  const message = Array.isArray(packet.data) ? packet.data[1] : undefined;
  if (typeof message !== 'object' || message === null) {
    throw new WireError('malformed', 'a frame has a payload but no message to carry it');
  }
  message.payload = payload;
}

export const socketParser = { Encoder, Decoder };
