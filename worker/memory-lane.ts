// The worker's end of the way through memory that it has to a coordinator on the same machine. See
// `shared/memory-messages.ts`.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import * as v from 'valibot';
import { decodeDoorbell, isOfGradient } from '../shared/doorbell.ts';
import { onDoorbell, ring } from '../shared/doorbell-frame.ts';
import { fileBytes, IncomingFile, OutgoingFile, type PayloadPlace } from '../shared/memory-file.ts';
import {
  type MemoryOffer,
  memoryOfferSchema,
  placedSchema,
  slots,
  smallestPlaced,
  typeOf,
} from '../shared/memory-messages.ts';
import { openPages } from '../shared/pages.ts';
import type { FromWorker } from '../shared/protocol.ts';
import type { Announcement, LaneEnds, LentMemory, PayloadHeader } from './transport.ts';

/**
 * Weights are told of before they are written, so that a worker is awake when they are there: that takes less than a
 * millisecond, and it does nothing else meanwhile. But where it has taken the processor from the coordinator they would
 * never come: soon it sleeps between looks, and after the last of them what it says later is not for these weights.
 */
const millisecondsAwake = 0.1;
const millisecondsOfNaps = 2;
const millisecondsOfPatience = 1000;

function waitFor(place: PayloadPlace, incoming: IncomingFile): void {
  const since = performance.now();
  while (incoming.isAwaited(place)) {
    const waited = performance.now() - since;
    if (waited > millisecondsOfPatience) return;
    if (waited > millisecondsAwake) {
      Atomics.wait(nobodyWakes, 0, 0, waited > millisecondsOfNaps ? 1 : 0.05);
    }
  }
}

const nobodyWakes = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

export class MemoryLane {
  readonly #port: string;
  readonly #roomFor: (bytes: number) => Uint8Array;
  #ends: LaneEnds | undefined;
  #incoming: IncomingFile | undefined;
  #outgoing: OutgoingFile | undefined;
  /** The coordinator has placed something, so it can read what is placed for it. */
  #isOpen = false;
  /** For the next answer. */
  #reserved: PayloadPlace | undefined;
  /** Of the offer: where the coordinator counts. */
  #counter = 0;
  /** Pages for the coordinator's file, and for the own one. */
  #lent: { readonly incoming?: Uint8Array; readonly outgoing?: Uint8Array } = {};

  /** Of the coordinator that is reached by `port`. What `roomFor` gives is memory for a payload until the next comes. */
  constructor(port: string, roomFor: (bytes: number) => Uint8Array) {
    this.#port = port;
    this.#roomFor = roomFor;
  }

  /** The coordinator reads what is placed for it, whatever becomes of the memory after that. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Doorbells are heard from now on. */
  begin(ends: LaneEnds): void {
    this.#ends = ends;
    onDoorbell(ends.webSocket, (bytes) => {
      const incoming = this.#ends === ends ? this.#incoming : undefined;
      const doorbell = decodeDoorbell(bytes);
      if (incoming === undefined || doorbell === undefined || isOfGradient(doorbell)) return false;
      const payload = this.#read(doorbell.place, incoming, ends);
      if (payload !== undefined) ends.accept({ ...doorbell.message, payload });
      ends.accept(doorbell.next);
      return true;
    });
  }

  /** Handles a message that came: as it is, or those that it stands for. What makes no sense stays as it is. */
  arrived(data: unknown): void {
    const ends = this.#ends;
    if (ends === undefined) return;
    const { handle } = ends;
    const type = typeOf(data);
    if (type === 'memory' && v.is(memoryOfferSchema, data)) return this.#answer(data, ends);
    const isPlaced = type === 'placed' && v.is(placedSchema, data);
    if (!isPlaced || this.#incoming === undefined) return handle(data);
    const payload = this.#read(data.place, this.#incoming, ends);
    if (payload !== undefined) handle({ ...data.message, payload });
    if (data.next !== undefined) handle(data.next);
  }

  /** In the memory that the coordinator has, too. */
  roomAhead(payloadBytes: number): Uint8Array | undefined {
    const reserved = this.#reserve(payloadBytes);
    return reserved && this.#outgoing?.room(reserved);
  }

  /**
   * What to send before there is a payload, so that the coordinator wakes up while it is made. Undefined where it has no
   * place yet.
   */
  announce(message: PayloadHeader, payloadBytes: number): Announcement | undefined {
    const place = this.#reserve(payloadBytes);
    const outgoing = this.#outgoing;
    if (outgoing === undefined || place === undefined) return undefined;
    this.#reserved = undefined;
    return {
      message: { type: 'placed', message, place },
      room: outgoing.room(place),
      fill: (payload) => {
        try {
          outgoing.fill(place, payload);
        } catch {
          // The coordinator does not wait for it for long, and gives its shards to somebody else.
        }
      },
    };
  }

  /** Past the socket, where that can be. */
  tell({ message }: Announcement): void {
    const ends = this.#ends;
    if (ends === undefined) return;
    const hasRung = ends.isIdle() && ring(ends.webSocket, message, true);
    if (!hasRung) ends.reply(message);
  }

  /** What to send in place of `message`. */
  leaving(message: FromWorker): unknown {
    if (message.type !== 'gradient') return message;
    const { payload, ...rest } = message;
    const free = this.#freeFor(payload.length);
    if (free === undefined) return message;
    try {
      const place = free.outgoing.write(payload, free.done);
      return { type: 'placed', message: rest, place };
    } catch {
      // There is no room for it.
      return message;
    }
  }

  /** For as long as the lane is there, or until others are lent. */
  lend(memory: LentMemory): void {
    this.#lent = {
      incoming: memory.pages(fileBytes(slots.weights, memory.weightsBytes)),
      outgoing: memory.pages(fileBytes(slots.answers, memory.gradientBytes)),
    };
    if (this.#lent.outgoing !== undefined) this.#outgoing?.map(this.#lent.outgoing);
  }

  /** The connection is gone. */
  close(): void {
    this.#incoming?.close();
    this.#outgoing?.close();
    this.#incoming = undefined;
    this.#outgoing = undefined;
    this.#reserved = undefined;
    this.#isOpen = false;
  }

  /** The same one until it is announced. */
  #reserve(payloadBytes: number): PayloadPlace | undefined {
    if (this.#reserved?.bytes !== payloadBytes) {
      const free = this.#freeFor(payloadBytes);
      this.#reserved = free?.outgoing.reserve(payloadBytes, free.done);
    }
    return this.#reserved;
  }

  /** Where a payload of so many bytes may go, and the stamp of the latest that the coordinator is done with. */
  #freeFor(payloadBytes: number): { outgoing: OutgoingFile; done: number } | undefined {
    const [incoming, outgoing] = [this.#incoming, this.#outgoing];
    if (!this.#isOpen || payloadBytes < smallestPlaced) return undefined;
    const done = incoming?.counted(this.#counter);
    if (done === undefined || outgoing === undefined) return undefined;
    return outgoing.latest - done < slots.answers ? { outgoing, done } : undefined;
  }

  #answer(offer: MemoryOffer, { reply }: LaneEnds): void {
    this.close();
    if (`${offer.port}` !== this.#port) return;
    const mark = Buffer.from(offer.mark, 'hex');
    // Only where there is a coordinator to share them with.
    const pages = openPages(() => createRequire(import.meta.url)('koffi'));
    this.#incoming = IncomingFile.open(fs, offer, mark, pages);
    this.#counter = offer.counter;
    if (this.#incoming === undefined) return;
    try {
      const folders = ['/dev/shm', tmpdir()];
      const options = { calls: fs, pages, folders, process: process.pid, slots: slots.answers };
      this.#outgoing = new OutgoingFile(options, mark);
      if (this.#lent.outgoing !== undefined) this.#outgoing.map(this.#lent.outgoing);
    } catch {
      return;
    }
    reply({ type: 'memory', ...this.#outgoing.address });
  }

  #read(
    place: PayloadPlace,
    incoming: IncomingFile,
    { roomFor = () => undefined }: LaneEnds,
  ): Uint8Array | undefined {
    if (!incoming.isMapped && this.#lent.incoming !== undefined) incoming.map(this.#lent.incoming);
    waitFor(place, incoming);
    let payload = incoming.view(place);
    if (payload === undefined) {
      payload = roomFor(place.bytes) ?? this.#roomFor(place.bytes);
      // Written over by later ones, which are on their way.
      if (!incoming.read(place, payload)) return undefined;
    }
    this.#isOpen = true;
    return payload;
  }
}
