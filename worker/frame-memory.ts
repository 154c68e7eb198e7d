// Where the large messages of a Node worker come in and go out: in memory of a kernel that is used again, made when the
// first of them tells how large they are.
import { type Carrier, PayloadSlots } from '../shared/payload-slots.ts';
import { roomFor, VectorMemory } from '../shared/vectors/memory.ts';
import { roomForFrame } from '../shared/wire.ts';

/** The gradient of one run of shards may still be on its way when that of the next is there. */
const gradientSlots = 2;

export class FrameMemory {
  #received: Uint8Array = new Uint8Array();
  #gradients: { readonly bytes: number; readonly slots: PayloadSlots } | undefined;

  /** Where a message of so many bytes is received, each in the same place. */
  received(bytes: number): Uint8Array {
    if (this.#received.length < bytes) this.#received = new VectorMemory(bytes).bytes(bytes);
    const { buffer, byteOffset } = this.#received;
    // Whoever passes it on takes nothing but a Buffer as it is.
    return Buffer.from(buffer, byteOffset, bytes);
  }

  /** A copy of the payload that is sent without being copied again. */
  outgoing(payload: Uint8Array, carrier: Carrier): Uint8Array {
    const { length: bytes } = payload;
    if (this.#gradients?.bytes !== bytes) {
      const memory = new VectorMemory(gradientSlots * roomFor(roomForFrame(bytes)));
      const slots = new PayloadSlots(gradientSlots, bytes, (room) => memory.bytes(room));
      this.#gradients = { bytes, slots };
    }
    const { slots } = this.#gradients;
    const copy = slots.take();
    copy.set(payload);
    slots.lend(copy, carrier);
    return copy;
  }
}
