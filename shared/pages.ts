// Files in memory that are part of the memory of two processes at once: what one of them writes is there for the other,
// and neither calls the system for it. Functions of Linux, called through koffi.

/** What this needs of koffi. */
export interface ForeignFunctions {
  load(library: null): { func(declaration: string): (...args: never[]) => unknown };
}

export interface Pages {
  /**
   * A file without a name that grows and never gets shorter; its number, for the caller to close. Throws Error where the
   * system has none.
   */
  newFile(name: string): number;
  /** It never gets shorter: all that is mapped of it can be read, whatever those do who have it, too. */
  isSealed(file: number): boolean;
  /**
   * Puts the beginning of `file`, which is at least as long, in the place of `memory`, whole pages of a kernel's. False
   * where that cannot be.
   */
  map(memory: Uint8Array, file: number, access: 'read' | 'write'): boolean;
  /** Such memory is this process's own again, and empty. */
  unmap(memory: Uint8Array): void;
}

/** Of Linux's headers, the same for all its machines. */
const [readable, writable] = [1, 2];
const [shared, own, fixed, anonymous, ready] = [0x1, 0x2, 0x10, 0x20, 0x8000];
const [closedWhenReplaced, maySeal] = [1, 2];
const [addSeals, getSeals, neverShorter] = [1033, 1034, 2];
const noFile = -1;

/** Undefined where there is no koffi, or no such system behind it. */
export function openPages(loadKoffi: () => ForeignFunctions): Pages | undefined {
  try {
    const system = loadKoffi().load(null);
    const newMemoryFile = system.func('int memfd_create(const char *name, unsigned int flags)');
    const control = system.func('int fcntl(int file, int command, int argument)');
    const map = system.func(
      'intptr_t mmap(void *place, size_t bytes, int access, int kind, int file, int64_t position)',
    );
    const call = (each: typeof map, ...args: unknown[]) => Number(each(...(args as never[])));
    const mapOver = ({ buffer, byteOffset, length }: Uint8Array, ...how: number[]) =>
      call(map, new Uint8Array(buffer, byteOffset, length), length, ...how, 0) !== -1;
    return {
      newFile: (name) => {
        const file = call(newMemoryFile, name, closedWhenReplaced | maySeal);
        if (file === noFile) throw new Error('the system makes no file in memory');
        call(control, file, addSeals, neverShorter);
        return file;
      },
      isSealed: (file) => {
        const seals = call(control, file, getSeals, 0);
        return seals !== -1 && (seals & neverShorter) !== 0;
      },
      map: (memory, file, access) =>
        mapOver(
          memory,
          access === 'read' ? readable : readable | writable,
          shared | fixed | ready,
          file,
        ),
      unmap: (memory) => void mapOver(memory, readable | writable, own | fixed | anonymous, noFile),
    };
  } catch {
    return undefined;
  }
}
