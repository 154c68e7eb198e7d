// One version of the weights on its way to workers.
import type { PayloadSlots } from '../shared/payload-slots.ts';

export interface WeightsSource {
  /** The version to send; changed by the next commit. */
  readonly weights: Float32Array;
  /** Of them, encoded. */
  readonly payloadBytes: number;
  /** Fills `payload`. */
  readonly encode: (payload: Uint8Array) => void;
  /** Its bytes, where encoding changes nothing. */
  readonly view?: (weights: Float32Array) => Uint8Array;
  readonly payloads: PayloadSlots;
}

/** A message object a version: it is encoded once, and only when somebody gets it through a socket. */
export class OutgoingWeights {
  readonly type = 'weights';
  readonly version: number;
  readonly #source: WeightsSource;
  #payload: Uint8Array | undefined;

  constructor(version: number, source: WeightsSource) {
    this.version = version;
    this.#source = source;
  }

  get payloadBytes(): number {
    return this.#source.payloadBytes;
  }

  /** Stays as it is until it is sent. */
  get payload(): Uint8Array {
    if (this.#payload === undefined) {
      this.#payload = this.#source.payloads.take();
      this.#source.encode(this.#payload);
    }
    return this.#payload;
  }

  /** The same bytes in a room of their length. */
  make(room: Uint8Array): void {
    if (this.#payload === undefined) this.#source.encode(room);
    else room.set(this.#payload);
  }

  /** The same bytes, to be read at once: they may change with the next commit. */
  get current(): Uint8Array {
    const { weights, view } = this.#source;
    return this.#payload ?? view?.(weights) ?? this.payload;
  }
}
