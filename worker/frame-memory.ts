// Where the large messages of a Node worker come in and go out: in memory of a kernel that is used again, made when the
// first of them tells how large they are.
import { MessagePlaces } from '../shared/message-places.ts';
import { type Carrier, PayloadSlots } from '../shared/payload-slots.ts';
import { readBytes, type SteadyMemory } from '../shared/steady-receiver.ts';
import { roomFor, VectorMemory } from '../shared/vectors/memory.ts';
import { roomForFrame } from '../shared/wire.ts';

/** The gradient of one run of shards may still be on its way when that of the next is there. */
const gradientSlots = 2;

export class FrameMemory {
  readonly incoming: SteadyMemory = {
    reading: Buffer.allocUnsafeSlow(readBytes),
    places: new MessagePlaces(1, (bytes) => {
      const { buffer, byteOffset } = new VectorMemory(bytes).bytes(bytes);
      // Whoever passes it on takes nothing but a Buffer as it is.
      return Buffer.from(buffer, byteOffset, bytes);
    }),
    copyOf: (bytes) => Buffer.from(bytes),
  };
  #placed: Uint8Array = new Uint8Array(0);
  #gradients: { readonly bytes: number; readonly slots: PayloadSlots } | undefined;

  /** For one that comes past the socket, until the next. */
  roomForPlaced(bytes: number): Uint8Array {
    if (this.#placed.length !== bytes) this.#placed = new VectorMemory(roomFor(bytes)).bytes(bytes);
    return this.#placed;
  }

  /** For a payload of so many bytes, which is sent from there. */
  take(bytes: number): Uint8Array {
    if (this.#gradients?.bytes !== bytes) {
      const memory = new VectorMemory(gradientSlots * roomFor(roomForFrame(bytes)));
      const slots = new PayloadSlots(gradientSlots, bytes, (room) => memory.bytes(room));
      this.#gradients = { bytes, slots };
    }
    return this.#gradients.slots.take();
  }

  /** The payload must not change before this carrier has sent it. */
  lend(payload: Uint8Array, carrier: Carrier): void {
    this.#gradients?.slots.lend(payload, carrier);
  }
}
