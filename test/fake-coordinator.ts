// The other end of a worker's transport: a test speaks through it, and hears what the worker says.
import type { FromWorker, ToWorker } from '../shared/protocol.ts';
import type { Connect, TransportEvents } from '../worker/transport.ts';

type Sent<Type extends FromWorker['type']> = Extract<FromWorker, { type: Type }>;

export class FakeCoordinator {
  isClosed = false;
  /** What the worker said and nobody has asked for yet. */
  readonly unheard: FromWorker[] = [];
  #events: TransportEvents | undefined;
  #listener: (() => void) | undefined;

  readonly connect: Connect = (events) => {
    this.#events = events;
    const send = (message: FromWorker): void => {
      // As a real one, it encodes at once: the worker may write its buffers again.
      this.unheard.push(structuredClone(message));
      this.#listener?.();
    };
    return {
      readsAtOnce: () => false,
      roomFor: (bytes) => new Uint8Array(bytes),
      send,
      roomAhead: () => undefined,
      sendWith: (message, _, makePayload) => send({ ...message, payload: makePayload() }),
      lend: () => undefined,
      close: () => {
        this.isClosed = true;
      },
    };
  };

  open(): void {
    this.#events?.onOpen();
  }

  say(message: ToWorker): void {
    const received = structuredClone(message);
    this.#events?.onMessage(received);
    // As a real one, the transport uses the place again.
    if ('payload' in received) received.payload.fill(0xff);
  }

  /** As a transport that has put the payload where the worker wanted it. */
  sayInPlace(message: ToWorker): void {
    this.#events?.onMessage(message);
  }

  /** Where the worker wants a payload of so many bytes, which a transport then fills. */
  roomFor(bytes: number): Uint8Array | undefined {
    return this.#events?.roomFor?.(bytes);
  }

  drop(why: string, { isFinal = false } = {}): void {
    this.#events?.onClose(why, isFinal);
  }

  /** The worker's next message, which must be of this type. */
  async hear<Type extends FromWorker['type']>(type: Type): Promise<Sent<Type>> {
    while (this.unheard.length === 0) {
      await new Promise<void>((resolve) => {
        this.#listener = resolve;
      });
    }
    const message = this.unheard.shift()!;
    if (message.type !== type) throw new Error(`heard "${message.type}" instead of "${type}"`);
    return message as Sent<Type>;
  }
}
