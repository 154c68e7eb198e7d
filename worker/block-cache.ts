// Blocks of training data on this computer's disk, so that the next run does not fetch them again.
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { BlockCache } from './data-store.ts';

/**
 * One file a block, named after its content. Several workers may share the directory. Where it can
 * not be written, nothing is kept.
 */
export function createBlockCache(directory?: string): BlockCache {
  return {
    async get(sha256) {
      try {
        return await readFile(join(directory ?? defaultDirectory(), sha256));
      } catch {
        return undefined;
      }
    },
    async put(sha256, bytes) {
      try {
        await writeAtomically(directory ?? defaultDirectory(), sha256, bytes);
      } catch {
        // The block is in memory already: a full or read-only disk costs the next run a download.
      }
    },
  };
}

/** A reader sees the old file or the new one, also when this process dies half way. */
async function writeAtomically(folder: string, name: string, bytes: Uint8Array): Promise<void> {
  await mkdir(folder, { recursive: true });
  const temporary = join(folder, `${name}.${randomUUID()}.tmp`);
  try {
    await writeFile(temporary, bytes);
    await rename(temporary, join(folder, name));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

function defaultDirectory(): string {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  const base = XDG_CACHE_HOME || LOCALAPPDATA || join(homedir(), '.cache');
  return join(base, 'tutti', 'blocks');
}
