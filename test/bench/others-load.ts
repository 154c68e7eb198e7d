// What others on this machine do meanwhile: it makes all figures worse, so it is told with them. Linux only.
import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { useOfTree } from './process-tree.ts';

export interface Load {
  readonly at: number;
  /** Processor seconds of this process and all that it started. */
  readonly ours: number;
  /** Those of everybody, and those that the host gave to other machines. */
  readonly all: number;
}

const ticksPerSecond = 100;

export async function loadNow(): Promise<Load> {
  const [stat, { cpuSeconds: ours }] = await Promise.all([
    readFile('/proc/stat', 'utf8'),
    useOfTree(process.pid),
  ]);
  // Interrupts are left out: most of them are packets of our own.
  const [user, nice, system, , , , , steal] = stat.split(/\s+/, 9).slice(1).map(Number);
  return { at: performance.now(), ours, all: (user + nice + system + steal) / ticksPerSecond };
}

/** Processors that others had, on average. */
export function othersCores(before: Load, after: Load): number {
  const seconds = (after.at - before.at) / 1000;
  const others = (after.all - before.all - (after.ours - before.ours)) / seconds;
  return Math.min(cpus().length, Math.max(0, others));
}
