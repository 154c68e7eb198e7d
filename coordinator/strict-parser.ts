// What a client may say, among all that socket.io would listen to: it enters each namespace once, and a worker
// sends messages. Anything else has no use but to wear the coordinator out: joins without end on one connection,
// events and acknowledgements that nobody waits for, namespaces whose refusal repeats their long names.
import { type Packet, PacketType } from 'socket.io-parser';
import { messageEvent, watchNamespace, workNamespace } from '../shared/protocol.ts';
import { Decoder, Encoder } from '../shared/socket-parser.ts';
import { WireError } from '../shared/wire.ts';
import { createRateLimit, type Limits } from './limits.ts';

/** The client sends faster than it may. */
export class FloodError extends Error {
  override readonly name = 'FloodError';
}

/** What is thrown here reaches the connection's sockets as an error, and then the connection is closed. */
export function strictParser({ messagesPerSecond }: Pick<Limits, 'messagesPerSecond'>) {
  /** One for each connection. */
  class StrictDecoder extends Decoder {
    readonly #isAllowed = createRateLimit(messagesPerSecond, performance.now());
    readonly #entered = new Set<string>();

    constructor() {
      super();
      // Heard before socket.io: a packet that is refused here never gets there.
      this.on('decoded', (packet) => this.#check(packet));
    }

    override add(chunk: unknown): void {
      if (!this.#isAllowed(performance.now())) throw new FloodError('too many frames a second');
      super.add(chunk);
    }

    #check(packet: Packet): void {
      if (!this.#isExpected(packet))
        throw new WireError('malformed', 'nobody waits for this packet');
      if (packet.type === PacketType.CONNECT) this.#entered.add(packet.nsp);
    }

    #isExpected({ type, nsp, data, id }: Packet): boolean {
      switch (type) {
        case PacketType.CONNECT:
          return (nsp === workNamespace || nsp === watchNamespace) && !this.#entered.has(nsp);
        case PacketType.EVENT: {
          const isMessage = data[0] === messageEvent && data.length === 2 && id === undefined;
          return nsp === workNamespace && isMessage;
        }
        default:
          return type === PacketType.DISCONNECT;
      }
    }
  }
  return { Encoder, Decoder: StrictDecoder };
}
