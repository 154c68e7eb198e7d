// A disk that takes no more. A limit on the size of files makes every write beyond it fail, half-way if need be, as on
// a full disk; unlike a small file system of its own it needs no rights, and it can be lifted while the process runs.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** From now on no file of the process grows beyond so many bytes. */
export async function limitFileSize(pid: number, bytes: number | 'unlimited'): Promise<void> {
  // The soft limit alone: the hard one could not be raised again.
  await promisify(execFile)('prlimit', [`--pid=${pid}`, `--fsize=${bytes}:`]);
}
