// Weights to workers of this machine, and gradients from them, through memory instead of their sockets. See
// `shared/memory-messages.ts`.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import type { Socket } from 'socket.io';
import * as v from 'valibot';
import type { GradientDoorbell } from '../shared/doorbell.ts';
import {
  counters,
  IncomingFile,
  markBytes,
  OutgoingFile,
  type PayloadPlace,
} from '../shared/memory-file.ts';
import {
  type MemoryOffer,
  memoryAnswerSchema,
  type PlacedMessage,
  placedSchema,
  slots,
  smallestPlaced,
  typeOf,
} from '../shared/memory-messages.ts';
import { openPages } from '../shared/pages.ts';
import type { GradientMessage, ToWorker } from '../shared/protocol.ts';

type WeightsMessage = Extract<ToWorker, { type: 'weights' }> & {
  /** Of the payload, where that is known before there is one. */
  readonly payloadBytes?: number;
  /** Of the payload, to be read at once. */
  readonly current?: Uint8Array;
  /** Makes the payload in a room of its length. */
  readonly make?: (room: Uint8Array) => void;
};

export interface LaneMemory {
  /** Where to put the next payload: as long as the largest that may come. */
  readonly incoming: Uint8Array;
  /** Pages for the file that weights are in, beside the weights. */
  readonly outgoing?: Uint8Array;
  /** Pages for a worker's file, beside where its answers are added up; as many as there are, for one worker each. */
  readonly answers?: readonly Uint8Array[];
}

/** Undefined where this cannot be. */
export function openMemoryLanes(memory: LaneMemory): MemoryLanes | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    return new MemoryLanes(memory);
  } catch {
    // No folder takes a file: everything goes through sockets, as from machine to machine.
    return undefined;
  }
}

/** The coordinator's end of the way to one worker. */
export interface MemoryLane {
  /** To be sent after the welcome. */
  readonly offer: MemoryOffer;
  /**
   * Hands on what is to be handled for a message that came: itself, or the one whose payload it tells the place of, when
   * that is there. What makes no sense stays as it is.
   */
  arrived(data: unknown, handle: (message: unknown) => void): void;
  /** As if it came as a message; but one that makes no sense is not taken. */
  rang(doorbell: GradientDoorbell, handle: (message: GradientMessage) => void): boolean;
  /** What to send in place of `message`, one after the other. Placed weights wait for the lease behind them. */
  leaving(message: ToWorker): readonly unknown[];
  close(): void;
}

export class MemoryLanes {
  readonly #mark = randomBytes(markBytes);
  readonly #pages = openPages(() => createRequire(import.meta.url)('koffi'));
  readonly #outgoing: OutgoingFile;
  readonly #incoming: Uint8Array;
  /** Pages that no worker has. */
  readonly #free: Uint8Array[];
  readonly #freeCounters = Array.from({ length: counters }, (_, at) => counters - 1 - at);
  #placed: { readonly message: WeightsMessage; readonly instead: PlacedMessage } | undefined;

  /** Throws the system's error where this cannot be. */
  constructor({ incoming, outgoing, answers = [] }: LaneMemory) {
    this.#incoming = incoming;
    this.#free = [...answers];
    const folders = ['/dev/shm', tmpdir()];
    this.#outgoing = new OutgoingFile(
      { calls: fs, pages: this.#pages, folders, process: process.pid, slots: slots.weights },
      this.#mark,
    );
    if (outgoing !== undefined) this.#outgoing.map(outgoing);
  }

  /** Undefined for one that cannot be on this machine. */
  laneOf({ request }: Socket): MemoryLane | undefined {
    const { remoteAddress, localAddress, localPort = 0 } = request.socket;
    const counter = this.#freeCounters.at(-1);
    if (remoteAddress !== localAddress || counter === undefined) return undefined;
    this.#freeCounters.pop();
    this.#outgoing.count(counter, 0);
    const mark = this.#mark.toString('hex');
    let theirs: IncomingFile | undefined;
    let answers: Uint8Array | undefined;
    let waiting: PlacedMessage | undefined;
    /** Stamps of what is told of and not there. */
    const awaited: number[] = [];
    let latest = 0;
    /** The places of all before the first that is still awaited can be taken again. */
    const isDone = (stamp: number): void => {
      latest = Math.max(latest, stamp);
      this.#outgoing.count(counter, Math.min(latest, ...awaited.map((each) => each - 1)));
    };
    /** Calls with what is at that place, when it is there. */
    const whenThere = (
      file: IncomingFile,
      place: PayloadPlace,
      handle: (payload: Uint8Array) => void,
    ): void => {
      answers ??= this.#map(file);
      const isAwaited = (): boolean => theirs === file && file.isAwaited(place);
      const read = (): void => {
        const payload = theirs === file ? this.#read(place, file) : undefined;
        if (payload !== undefined) handle(payload);
        if (theirs === file) isDone(place.stamp);
      };
      // An honest worker tells of no more, so looking costs nothing of note.
      if (awaited.length === slots.answers) return read();
      awaited.push(place.stamp);
      whenOver(isAwaited, () => {
        awaited.splice(awaited.indexOf(place.stamp), 1);
        read();
      });
    };
    return {
      offer: { type: 'memory', ...this.#outgoing.address, mark, port: localPort, counter },
      arrived: (data, handle) => {
        const file = theirs;
        if (file === undefined) {
          const answer = v.safeParse(memoryAnswerSchema, data);
          if (!answer.success) return handle(data);
          theirs = IncomingFile.open(fs, answer.output, this.#mark, this.#pages);
          return;
        }
        const placed = this.#placedIn(data);
        if (placed === undefined) return handle(data);
        whenThere(file, placed.place, (payload) => handle({ ...placed.message, payload }));
      },
      rang: ({ message, place }, handle) => {
        if (theirs === undefined || place.bytes > this.#incoming.length) return false;
        whenThere(theirs, place, (payload) => handle({ ...message, payload }));
        return true;
      },
      leaving: (message) => {
        const before = waiting;
        waiting = undefined;
        if (message.type === 'weights' && theirs !== undefined) waiting = this.#place(message);
        if (waiting !== undefined) return before === undefined ? [] : [before];
        if (before === undefined) return [message];
        // A payload goes in a message of its own.
        return message.type === 'weights' ? [before, message] : [{ ...before, next: message }];
      },
      close: () => {
        theirs?.close();
        theirs = undefined;
        waiting = undefined;
        if (answers !== undefined) this.#free.push(answers);
        answers = undefined;
        this.#freeCounters.push(counter);
      },
    };
  }

  close(): void {
    this.#outgoing.close();
  }

  /** Undefined for what is nothing of that kind. */
  #placedIn(data: unknown): PlacedMessage | undefined {
    if (typeOf(data) !== 'placed') return undefined;
    const placed = v.safeParse(placedSchema, data);
    if (!placed.success || placed.output.place.bytes > this.#incoming.length) return undefined;
    return placed.output;
  }

  /** Gives the worker's file pages, when it is as long as they are. */
  #map(theirs: IncomingFile): Uint8Array | undefined {
    const memory = this.#free.at(-1);
    if (memory === undefined) return undefined;
    theirs.map(memory);
    return theirs.isMapped ? this.#free.pop() : undefined;
  }

  /** Undefined when it was written over by a later one, which it is then too late for; or it never came. */
  #read(place: PayloadPlace, theirs: IncomingFile): Uint8Array | undefined {
    // Nothing is written there before this one is done with.
    const there = theirs.view(place);
    if (there !== undefined) return there;
    const payload = this.#incoming.subarray(0, place.bytes);
    return theirs.read(place, payload) ? payload : undefined;
  }

  /** Written once a version, however many are told. Undefined without room for it: then it goes the usual way. */
  #place(message: WeightsMessage): PlacedMessage | undefined {
    if (this.#placed?.message === message) return this.#placed.instead;
    const { type, version, payloadBytes = message.payload.length } = message;
    if (payloadBytes < smallestPlaced) return undefined;
    try {
      const place =
        this.#bringLater(message, payloadBytes) ?? this.#outgoing.write(bytesOf(message));
      this.#placed = { message, instead: { type: 'placed', message: { type, version }, place } };
      return this.#placed.instead;
    } catch {
      return undefined;
    }
  }

  /** Workers wake up while the weights are encoded and written: after everybody has been told, and before anything else. */
  #bringLater(message: WeightsMessage, payloadBytes: number): PayloadPlace | undefined {
    const place = this.#outgoing.reserve(payloadBytes);
    if (place === undefined) return undefined;
    process.nextTick(() => {
      try {
        const room = message.make && this.#outgoing.room(place);
        if (room !== undefined) message.make?.(room);
        this.#outgoing.fill(place, room ?? bytesOf(message));
      } catch {
        // Nobody waits for it for long: these leases run out, and the next weights are not told of before they are there.
        this.#placed = undefined;
      }
    });
    return place;
  }
}

/**
 * Workers tell of an answer before they write it, which takes less than a millisecond. Others are heard meanwhile; should
 * the worker be kept from it, there are pauses between looks, and after the last its lease runs out.
 */
const millisecondsAwake = 1;
const millisecondsOfPatience = 1000;

function whenOver(isAwaited: () => boolean, then: () => void, since = performance.now()): void {
  const waited = performance.now() - since;
  if (waited > millisecondsOfPatience || !isAwaited()) return then();
  const lookAgain = (): void => whenOver(isAwaited, then, since);
  if (waited < millisecondsAwake) setImmediate(lookAgain);
  else setTimeout(lookAgain, 1);
}

/** Where there is a current one, nothing is encoded. */
function bytesOf(message: WeightsMessage): Uint8Array {
  return message.current ?? message.payload;
}
