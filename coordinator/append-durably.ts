// One line at the end of a file of JSON lines, on disk before anything else happens.
import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, writeSync } from 'node:fs';

/**
 * Waits for the disk, and nothing else of the process runs meanwhile: for what is written seldom, and must not be used
 * before. Throws the system's error when the disk refuses, and takes back what it wrote of the line. The file exists
 * and ends with a whole line.
 */
export function appendDurably(path: string, record: object): void {
  const file = openSync(path, 'r+');
  try {
    const { size } = fstatSync(file);
    const line = Buffer.from(`${JSON.stringify(record)}\n`);
    try {
      for (let done = 0; done < line.length; ) {
        done += writeSync(file, line, done, line.length - done, size + done);
      }
      fsyncSync(file);
    } catch (error) {
      ftruncateSync(file, size);
      throw error;
    }
  } finally {
    closeSync(file);
  }
}
