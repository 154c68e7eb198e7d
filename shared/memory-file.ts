// Payloads for other processes of the same machine, in a file that has no name and lies in memory alone: it is gone with
// the last process that has it open, however that ends. Linux lets others of the same user open it among the files of
// its writer. Where it can be part of a process's memory, nothing is copied to write it or to read it.
import type { Pages } from './pages.ts';

/** What this needs of `node:fs`. */
export interface FileCalls {
  openSync(path: string, flags: string | number, mode?: number): number;
  closeSync(file: number): void;
  unlinkSync(path: string): void;
  fstatSync(file: number): { isFile(): boolean; readonly size: number };
  ftruncateSync(file: number, bytes: number): void;
  readSync(file: number, into: Uint8Array, at: number, bytes: number, position: number): number;
  writeSync(file: number, from: Uint8Array, at: number, bytes: number, position: number): number;
  readonly constants: { readonly O_RDONLY: number; readonly O_NONBLOCK: number };
}

/** Where another process finds it: among the open files of this one. */
export interface FileAddress {
  readonly process: number;
  readonly file: number;
}

/** A payload in such a file. */
export interface PayloadPlace {
  /** Of its first byte. */
  readonly position: number;
  readonly bytes: number;
  /** Counts what was written: another one there means that the payload was written over. */
  readonly stamp: number;
}

/** At the beginning, so that both know that they mean the same file: bytes that nobody guesses. */
export const markBytes = 32;

/** Payloads begin with a page, as the kernel copies fastest; the one before it holds the stamp. */
const pageBytes = 4096;
const stampBytes = Float64Array.BYTES_PER_ELEMENT;
/** While something is written there. */
const noStamp = 0;

/** Behind the mark, in the same page, there is room for so many numbers that the writer counts for its readers. */
export const counters = 500;
const firstCounter = 64;

/** Of a file with so many slots for payloads of so many bytes. */
export function fileBytes(slots: number, payloadBytes: number): number {
  return pageBytes + slots * slotBytes(payloadBytes);
}

/** Of the payload in a slot. */
function positionOf(slot: number, payloadBytes: number): number {
  return 2 * pageBytes + slot * slotBytes(payloadBytes);
}

function slotBytes(payloadBytes: number): number {
  return pageBytes * (1 + Math.ceil(payloadBytes / pageBytes));
}

export interface OutgoingFileOptions {
  readonly calls: FileCalls;
  /** Where files can be part of this process's memory. */
  readonly pages?: Pages;
  /** Folders to make it in; the first that lets us is taken. */
  readonly folders: readonly string[];
  /** The number of this one. */
  readonly process: number;
  /** So many payloads are there at a time. */
  readonly slots: number;
}

export class OutgoingFile {
  readonly address: FileAddress;
  readonly #options: OutgoingFileOptions;
  readonly #number = new Float64Array(1);
  /** How many bytes there are where. */
  readonly #written = new Map<number, number>();
  /** Of the latest payload in each slot. */
  readonly #stamps: number[];
  #latest = 0;
  /** The beginning of the file, where that is part of this process's memory. */
  #memory: Uint8Array | undefined;

  /** Throws the system's error when no folder lets us. */
  constructor(options: OutgoingFileOptions, mark: Uint8Array) {
    const { process, slots } = options;
    this.#options = options;
    this.#stamps = new Array(slots).fill(0);
    this.address = { process, file: openNameless(options, nameOf(process, mark)) };
    this.#write(mark, 0);
  }

  /** Makes its beginning part of `memory`, which are pages. It stays as it was where that cannot be. */
  map(memory: Uint8Array): void {
    const { calls, pages } = this.#options;
    const { file } = this.address;
    if (pages?.isSealed(file) !== true) return;
    if (calls.fstatSync(file).size < memory.length) calls.ftruncateSync(file, memory.length);
    if (pages.map(memory, file, 'write')) this.#memory = memory;
  }

  /** Stamp of the payload that was written, or told of, last. */
  get latest(): number {
    return this.#latest;
  }

  /**
   * Throws the system's error when there is no room. Nobody reads any more what came up to the stamp `done`: unless told, all
   * but the latest that there are slots for.
   */
  write(payload: Uint8Array, done = this.#overtaken): PayloadPlace {
    const place = this.#take(this.#freeSlot(done), payload.length);
    this.#writeNumber(noStamp, stampOf(place.position));
    this.fill(place, payload);
    return place;
  }

  /**
   * Where the next payload will be: readers may wait for it there until `fill` brings it. Undefined where there may be no
   * room, because nothing of that length is there. `done` is as of `write`.
   */
  reserve(bytes: number, done = this.#overtaken): PayloadPlace | undefined {
    const slot = this.#freeSlot(done);
    const position = positionOf(slot, bytes);
    const isThere = this.#written.get(position) === bytes;
    if (!isThere && partOf(this.#memory, position, bytes) === undefined) return undefined;
    this.#written.delete(position);
    this.#writeNumber(noStamp, stampOf(position));
    return this.#take(slot, bytes);
  }

  /** Where the payload of a reserved place may be made, in memory that is the file's. */
  room({ position, bytes }: PayloadPlace): Uint8Array | undefined {
    return partOf(this.#memory, position, bytes);
  }

  /** Throws the system's error where it cannot be written. */
  fill({ position, stamp }: PayloadPlace, payload: Uint8Array): void {
    this.#write(payload, position);
    this.#writeNumber(stamp, stampOf(position));
    this.#written.set(position, payload.length);
  }

  /** Throws the system's error where it cannot be written. */
  count(counter: number, number: number): void {
    this.#writeNumber(number, placeOfCounter(counter));
  }

  close(): void {
    const { calls, pages } = this.#options;
    if (this.#memory !== undefined) pages?.unmap(this.#memory);
    this.#memory = undefined;
    calls.closeSync(this.address.file);
  }

  /** Stamp of the latest that another one comes in the place of, when there is one in each slot. */
  get #overtaken(): number {
    return Math.max(0, this.#latest + 1 - this.#options.slots);
  }

  /** The same ones again and again, where that can be: they are likely to be in this processor's cache. */
  #freeSlot(done: number): number {
    return this.#stamps.findIndex((stamp) => stamp <= done);
  }

  #take(slot: number, bytes: number): PayloadPlace {
    this.#stamps[slot] = ++this.#latest;
    return { position: positionOf(slot, bytes), bytes, stamp: this.#latest };
  }

  /** After all that was written before. */
  #writeNumber(number: number, position: number): void {
    const numbers = numberIn(this.#memory, position);
    if (numbers === undefined) {
      this.#number[0] = number;
      return this.#write(new Uint8Array(this.#number.buffer), position);
    }
    keepOrder();
    numbers[0] = number;
    keepOrder();
  }

  #write(bytes: Uint8Array, position: number): void {
    const room = partOf(this.#memory, position, bytes.length);
    if (room !== undefined) {
      const isMadeThere = bytes.buffer === room.buffer && bytes.byteOffset === room.byteOffset;
      if (!isMadeThere) room.set(bytes);
      return;
    }
    const { calls } = this.#options;
    for (let at = 0; at < bytes.length; ) {
      at += calls.writeSync(this.address.file, bytes, at, bytes.length - at, position + at);
    }
  }
}

export class IncomingFile {
  readonly #calls: FileCalls;
  readonly #pages: Pages | undefined;
  readonly #file: number;
  readonly #number = new Float64Array(1);
  #memory: Uint8Array | undefined;

  private constructor(calls: FileCalls, pages: Pages | undefined, file: number) {
    this.#calls = calls;
    this.#pages = pages;
    this.#file = file;
  }

  /** Undefined when there is no such file here: its process runs on another machine, or as another user. */
  static open(
    calls: FileCalls,
    address: FileAddress,
    mark: Uint8Array,
    pages?: Pages,
  ): IncomingFile | undefined {
    let file: number;
    try {
      // Whatever else might be there, opening it must not wait for anybody.
      const flags = calls.constants.O_RDONLY | calls.constants.O_NONBLOCK;
      file = calls.openSync(`/proc/${address.process}/fd/${address.file}`, flags);
    } catch {
      return undefined;
    }
    const incoming = new IncomingFile(calls, pages, file);
    if (incoming.#isMarked(mark)) return incoming;
    incoming.close();
    return undefined;
  }

  /** Makes its beginning part of `memory`, which are pages. It stays as it was where that cannot be. */
  map(memory: Uint8Array): void {
    const { size } = this.#calls.fstatSync(this.#file);
    if (size < memory.length || this.#pages?.isSealed(this.#file) !== true) return;
    if (this.#pages.map(memory, this.#file, 'read')) this.#memory = memory;
  }

  get isMapped(): boolean {
    return this.#memory !== undefined;
  }

  /** It is not there yet. */
  isAwaited({ position, stamp }: PayloadPlace): boolean {
    const found = this.#numberAt(stampOf(position));
    return found !== undefined && found < stamp;
  }

  /** The payload itself, where it is part of this process's memory, until its writer puts another one there. */
  view({ position, bytes, stamp }: PayloadPlace): Uint8Array | undefined {
    const payload = partOf(this.#memory, position, bytes);
    return payload && this.#numberAt(stampOf(position)) === stamp ? payload : undefined;
  }

  /** False when it is not there yet, or not any more. Fills `into`, which is as long as the payload. */
  read({ position, stamp }: PayloadPlace, into: Uint8Array): boolean {
    if (this.#numberAt(stampOf(position)) !== stamp) return false;
    return this.#read(into, position) && this.#numberAt(stampOf(position)) === stamp;
  }

  /** What its writer has counted. */
  counted(counter: number): number | undefined {
    return this.#numberAt(placeOfCounter(counter));
  }

  close(): void {
    if (this.#memory !== undefined) this.#pages?.unmap(this.#memory);
    this.#memory = undefined;
    this.#calls.closeSync(this.#file);
  }

  #isMarked(mark: Uint8Array): boolean {
    const found = new Uint8Array(markBytes);
    try {
      if (!this.#calls.fstatSync(this.#file).isFile() || !this.#read(found, 0)) return false;
    } catch {
      return false;
    }
    return mark.length === markBytes && found.every((byte, at) => byte === mark[at]);
  }

  #numberAt(position: number): number | undefined {
    const numbers = numberIn(this.#memory, position);
    if (numbers === undefined) {
      const bytes = new Uint8Array(this.#number.buffer, 0, stampBytes);
      return this.#read(bytes, position) ? this.#number[0] : undefined;
    }
    keepOrder();
    const number = numbers[0];
    keepOrder();
    return number;
  }

  /** A position is whatever the other one says: those that the system refuses hold nothing. */
  #read(into: Uint8Array, position: number): boolean {
    const there = partOf(this.#memory, position, into.length);
    if (there !== undefined) {
      into.set(there);
      return true;
    }
    try {
      for (let at = 0; at < into.length; ) {
        const count = this.#calls.readSync(this.#file, into, at, into.length - at, position + at);
        if (count === 0) return false;
        at += count;
      }
      return true;
    } catch {
      return false;
    }
  }
}

function stampOf(position: number): number {
  return position - pageBytes;
}

function placeOfCounter(counter: number): number {
  return firstCounter + counter * stampBytes;
}

/** Undefined where not all of it is in the memory. */
function partOf(
  memory: Uint8Array | undefined,
  position: number,
  bytes: number,
): Uint8Array | undefined {
  if (memory === undefined || position < 0 || position + bytes > memory.length) return undefined;
  return memory.subarray(position, position + bytes);
}

function numberIn(memory: Uint8Array | undefined, position: number): Float64Array | undefined {
  const bytes = position % stampBytes === 0 ? partOf(memory, position, stampBytes) : undefined;
  return bytes && new Float64Array(bytes.buffer, bytes.byteOffset, 1);
}

const fence = new Int32Array(1);

/** No processor moves what comes before this behind it, or the other way. */
function keepOrder(): void {
  Atomics.add(fence, 0, 0);
}

/** For the moment in which it has one: those who answer the same offer at the same time differ in it. */
function nameOf(process: number, mark: Uint8Array): string {
  return `tutti-${process}-${[...mark.subarray(0, 8)].map((byte) => byte.toString(16)).join('')}`;
}

function openNameless(options: OutgoingFileOptions, name: string): number {
  const { calls, pages } = options;
  try {
    if (pages !== undefined) return pages.newFile(name);
  } catch {
    // A folder may have room for one.
  }
  return openUnlinked(calls, options.folders, name);
}

function openUnlinked(calls: FileCalls, folders: readonly string[], name: string): number {
  const [folder, ...others] = folders;
  const path = `${folder}/${name}`;
  try {
    const ownerOnly = 0o600;
    const file = calls.openSync(path, 'wx+', ownerOnly);
    calls.unlinkSync(path);
    return file;
  } catch (error) {
    if (others.length === 0) throw error;
    return openUnlinked(calls, others, name);
  }
}
