// What a process holds, as Linux counts it.
import { readdir, readFile } from 'node:fs/promises';

export interface ProcessUse {
  /** Resident memory. */
  readonly bytes: number;
  /** Files and sockets. */
  readonly open: number;
}

export async function useOf(pid: number): Promise<ProcessUse> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(status) ?? [];
  return { bytes: Number(kilobytes) * 1024, open: (await readdir(`/proc/${pid}/fd`)).length };
}
