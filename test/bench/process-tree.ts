// What a process and all that it started have used, as Linux counts it.
import { readdir, readFile } from 'node:fs/promises';

export interface TreeUse {
  readonly cpuSeconds: number;
  /** The largest that any of them ever was. */
  readonly peakBytes: number;
}

/** Linux counts processor time in hundredths of a second, on every processor. */
const ticksPerSecond = 100;

export async function useOfTree(pid: number): Promise<TreeUse> {
  const uses = await Promise.all((await treeOf(pid)).map(useOf));
  return {
    cpuSeconds: uses.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
    peakBytes: Math.max(...uses.map(({ peakBytes }) => peakBytes)),
  };
}

async function treeOf(pid: number): Promise<number[]> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(
    threads.map((thread) =>
      readFile(`/proc/${pid}/task/${thread}/children`, 'utf8').catch(() => ''),
    ),
  );
  const children = lists.flatMap((list) => list.split(' ').filter(Boolean).map(Number));
  return [pid, ...(await Promise.all(children.map(treeOf))).flat()];
}

/** Nothing for one that is gone meanwhile. */
async function useOf(pid: number): Promise<TreeUse> {
  const [stat, status] = await Promise.all([
    readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''),
    readFile(`/proc/${pid}/status`, 'utf8').catch(() => ''),
  ]);
  // Behind the name, which may hold anything: user time and system time are the 12th and 13th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user = 0, system = 0] = fields.slice(11, 13).map(Number);
  const [, kilobytes = 0] = /^VmHWM:\s+(\d+) kB$/m.exec(status) ?? [];
  return { cpuSeconds: (user + system) / ticksPerSecond, peakBytes: Number(kilobytes) * 1024 };
}
