// One line at the end of a file of JSON lines, on disk before anything else happens.
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

/**
 * Waits for the disk, and nothing else of the process runs meanwhile: for what is written seldom, and must not be used
 * before. Throws the system's error when the disk refuses, and takes back what it wrote. A last line that a crash tore
 * becomes a line of its own, which readers pass over.
 */
export function appendDurably(path: string, record: object): void {
  const isNew = !existsSync(path);
  const file = openSync(path, constants.O_RDWR | constants.O_CREAT);
  try {
    const { size } = fstatSync(file);
    const line = `${isTorn(file, size) ? '\n' : ''}${JSON.stringify(record)}\n`;
    try {
      writeAt(file, Buffer.from(line), size);
      fsyncSync(file);
      // Windows has no such call: it writes names through by itself.
      if (isNew && process.platform !== 'win32') syncNames(dirname(path));
    } catch (error) {
      ftruncateSync(file, size);
      throw error;
    }
  } finally {
    closeSync(file);
  }
}

function isTorn(file: number, size: number): boolean {
  const last = Buffer.alloc(1);
  return size > 0 && readSync(file, last, 0, 1, size - 1) === 1 && last.toString() !== '\n';
}

function writeAt(file: number, bytes: Buffer, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(file, bytes, done, bytes.length - done, position + done);
  }
}

function syncNames(folder: string): void {
  const names = openSync(folder, 'r');
  try {
    fsyncSync(names);
  } finally {
    closeSync(names);
  }
}
