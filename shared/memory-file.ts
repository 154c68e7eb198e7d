// Payloads for other processes of the same machine, in a file that has no name and lies in memory alone: it is gone with
// the last process that has it open, however that ends. Linux lets others of the same user open it among the files of
// its writer.

/** What this needs of `node:fs`. */
export interface FileCalls {
  openSync(path: string, flags: string | number, mode?: number): number;
  closeSync(file: number): void;
  unlinkSync(path: string): void;
  fstatSync(file: number): { isFile(): boolean };
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

export interface OutgoingFileOptions {
  readonly calls: FileCalls;
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
  readonly #stamp = new Float64Array(1);
  /** How many bytes there are where. */
  readonly #written = new Map<number, number>();
  #latest = 0;

  /** Throws the system's error when no folder lets us. */
  constructor(options: OutgoingFileOptions, mark: Uint8Array) {
    const { calls, folders, process } = options;
    this.#options = options;
    this.address = { process, file: openNameless(calls, folders, nameOf(process, mark)) };
    this.#write(mark, 0);
  }

  /** Throws the system's error when there is no room. */
  write(payload: Uint8Array): PayloadPlace {
    const place = this.#next(payload.length);
    this.#writeStamp(noStamp, place.position);
    this.fill(place, payload);
    return place;
  }

  /**
   * Where the next payload will be: readers may wait for it there until `fill` brings it. Undefined where there may be no
   * room, because nothing of that length is there.
   */
  reserve(bytes: number): PayloadPlace | undefined {
    const { position } = this.#placeOf(this.#latest + 1, bytes);
    if (this.#written.get(position) !== bytes) return undefined;
    this.#written.delete(position);
    this.#writeStamp(noStamp, position);
    return this.#next(bytes);
  }

  /** Throws the system's error where it cannot be written. */
  fill({ position, stamp }: PayloadPlace, payload: Uint8Array): void {
    this.#write(payload, position);
    this.#writeStamp(stamp, position);
    this.#written.set(position, payload.length);
  }

  close(): void {
    this.#options.calls.closeSync(this.address.file);
  }

  #next(bytes: number): PayloadPlace {
    return this.#placeOf(++this.#latest, bytes);
  }

  #placeOf(stamp: number, bytes: number): PayloadPlace {
    const slotBytes = pageBytes * (1 + Math.ceil(bytes / pageBytes));
    const position = 2 * pageBytes + (stamp % this.#options.slots) * slotBytes;
    return { position, bytes, stamp };
  }

  #writeStamp(stamp: number, position: number): void {
    this.#stamp[0] = stamp;
    this.#write(new Uint8Array(this.#stamp.buffer), position - pageBytes);
  }

  #write(bytes: Uint8Array, position: number): void {
    const { calls } = this.#options;
    for (let at = 0; at < bytes.length; ) {
      at += calls.writeSync(this.address.file, bytes, at, bytes.length - at, position + at);
    }
  }
}

export class IncomingFile {
  readonly #calls: FileCalls;
  readonly #file: number;
  readonly #stamp = new Float64Array(1);

  private constructor(calls: FileCalls, file: number) {
    this.#calls = calls;
    this.#file = file;
  }

  /** Undefined when there is no such file here: its process runs on another machine, or as another user. */
  static open(calls: FileCalls, address: FileAddress, mark: Uint8Array): IncomingFile | undefined {
    let file: number;
    try {
      // Whatever else might be there, opening it must not wait for anybody.
      const flags = calls.constants.O_RDONLY | calls.constants.O_NONBLOCK;
      file = calls.openSync(`/proc/${address.process}/fd/${address.file}`, flags);
    } catch {
      return undefined;
    }
    const incoming = new IncomingFile(calls, file);
    if (incoming.#isMarked(mark)) return incoming;
    incoming.close();
    return undefined;
  }

  /** It is not there yet. */
  isAwaited({ position, stamp }: PayloadPlace): boolean {
    const found = this.#stampAt(position);
    return found !== undefined && found < stamp;
  }

  /** False when it is not there yet, or not any more. Fills `into`, which is as long as the payload. */
  read({ position, stamp }: PayloadPlace, into: Uint8Array): boolean {
    if (this.#stampAt(position) !== stamp) return false;
    return this.#read(into, position) && this.#stampAt(position) === stamp;
  }

  close(): void {
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

  #stampAt(position: number): number | undefined {
    const bytes = new Uint8Array(this.#stamp.buffer, 0, stampBytes);
    return this.#read(bytes, position - pageBytes) ? this.#stamp[0] : undefined;
  }

  /** A position is whatever the other one says: those that the system refuses hold nothing. */
  #read(into: Uint8Array, position: number): boolean {
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

/** For the moment in which it has one: those who answer the same offer at the same time differ in it. */
function nameOf(process: number, mark: Uint8Array): string {
  return `tutti-${process}-${[...mark.subarray(0, 8)].map((byte) => byte.toString(16)).join('')}`;
}

function openNameless(calls: FileCalls, folders: readonly string[], name: string): number {
  const [folder, ...others] = folders;
  const path = `${folder}/${name}`;
  try {
    const ownerOnly = 0o600;
    const file = calls.openSync(path, 'wx+', ownerOnly);
    calls.unlinkSync(path);
    return file;
  } catch (error) {
    if (others.length === 0) throw error;
    return openNameless(calls, others, name);
  }
}
