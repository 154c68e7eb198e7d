// Payloads of outgoing frames in memory that is used again, because what is fresh every time costs more than it takes to
// fill it.
import { payloadIn, roomForFrame } from './wire.ts';

/** What a frame goes out through. */
export interface Carrier {
  /** All that it was given has left this process, or never will. */
  hasSentAll(): boolean;
}

interface Slot {
  readonly payload: Uint8Array;
  /** Who may still be sending it. */
  carriers: Carrier[];
}

export class PayloadSlots {
  readonly #slots: readonly Slot[];
  /** Of each. */
  readonly payloadBytes: number;

  /** `create` makes memory of so many bytes. */
  constructor(count: number, payloadBytes: number, create: (bytes: number) => Uint8Array) {
    this.payloadBytes = payloadBytes;
    this.#slots = Array.from({ length: count }, () => {
      return { payload: payloadIn(create(roomForFrame(payloadBytes))), carriers: [] };
    });
  }

  /** One that nobody sends any more, or a fresh one when somebody is slow with each. Holds whatever it held. */
  take(): Uint8Array {
    for (const slot of this.#slots) {
      slot.carriers = slot.carriers.filter((carrier) => !carrier.hasSentAll());
      if (slot.carriers.length === 0) return slot.payload;
    }
    return new Uint8Array(this.payloadBytes);
  }

  /** The payload must not change before this carrier has sent it. */
  lend(payload: Uint8Array, carrier: Carrier): void {
    const slot = this.#slots.find((each) => each.payload === payload);
    slot?.carriers.push(carrier);
  }
}
