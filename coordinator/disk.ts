// Disk operations as values. A procedure that must survive a crash between any two of them is a
// generator: here it runs on the real disk, in tests on one that forgets whatever was not synced.
import { mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

export type DiskOperation =
  /** Creates the folders above the file. */
  | { readonly kind: 'write'; readonly path: string; readonly bytes: Uint8Array }
  /** Makes the file's content durable, but not its name: that is its folder's. */
  | { readonly kind: 'sync'; readonly path: string }
  /** Makes the names in a folder durable. */
  | { readonly kind: 'syncDirectory'; readonly path: string }
  /** Atomic. `to` must not exist, unless both are files. */
  | { readonly kind: 'rename'; readonly from: string; readonly to: string }
  /** A file or a whole folder; none is fine. */
  | { readonly kind: 'remove'; readonly path: string };

export type DiskOperations<Result = void> = Generator<DiskOperation, Result, void>;

/** What loading needs of a disk. */
export interface DiskReader {
  /** Names in a folder; none where there is no folder. */
  list(path: string): Promise<string[]>;
  /** Undefined where there is no file. */
  read(path: string): Promise<Uint8Array | undefined>;
}

/** One operation after the other. A failure is thrown into the generator, which may clean up. */
export async function runOnDisk<Result>(operations: DiskOperations<Result>): Promise<Result> {
  let next = operations.next();
  while (!next.done) {
    try {
      await perform(next.value);
    } catch (error) {
      next = operations.throw(error);
      continue;
    }
    next = operations.next();
  }
  return next.value;
}

async function perform(operation: DiskOperation): Promise<void> {
  switch (operation.kind) {
    case 'write':
      await mkdir(dirname(operation.path), { recursive: true });
      return writeFile(operation.path, operation.bytes);
    case 'sync':
      return sync(operation.path, 'r+');
    case 'syncDirectory':
      return syncDirectory(operation.path);
    case 'rename':
      return rename(operation.from, operation.to);
    case 'remove':
      return rm(operation.path, { recursive: true, force: true });
    default:
      operation satisfies never;
  }
}

export async function syncDirectory(path: string): Promise<void> {
  // Windows has no such call: it writes names through by itself.
  if (process.platform !== 'win32') await sync(path, 'r');
}

async function sync(path: string, flags: 'r' | 'r+'): Promise<void> {
  const handle = await open(path, flags);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export const diskReader: DiskReader = {
  list: async (path) => (await unlessAbsent(readdir(path))) ?? [],
  read: (path) => unlessAbsent(readFile(path)),
};

/** The file has its old content or its new one, whatever happens. */
export function* replaceFile(path: string, bytes: Uint8Array): DiskOperations {
  const staging = `${path}.tmp`;
  yield { kind: 'write', path: staging, bytes };
  yield { kind: 'sync', path: staging };
  yield { kind: 'rename', from: staging, to: path };
  yield { kind: 'syncDirectory', path: dirname(path) };
}

export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

export async function unlessAbsent<Found>(search: Promise<Found>): Promise<Found | undefined> {
  try {
    return await search;
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) return undefined;
    throw error;
  }
}
