// Processor time of one process, as Linux counts it.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** In milliseconds, of all threads that live: none of those that matter ends before its process. */
export async function cpuMsOf(pid: number): Promise<number> {
  const folder = `/proc/${pid}/task`;
  const threads = await readdir(folder);
  const nanoseconds = await Promise.all(
    threads.map(async (thread) => {
      const text = await readFile(join(folder, thread, 'schedstat'), 'utf8');
      return Number(text.split(' ', 1)[0]);
    }),
  );
  return nanoseconds.reduce((sum, each) => sum + each, 0) / 1e6;
}
