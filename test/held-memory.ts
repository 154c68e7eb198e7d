// What this process still holds once the garbage is collected.
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

export interface HeldMemory {
  /** Objects, and the buffers that they own: of the same work, the same to within a few hundred kilobytes. */
  readonly heldBytes: number;
  /** All that the process occupies, native libraries too: it moves by tens of megabytes as heaps are resized. */
  readonly residentBytes: number;
}

export async function heldMemory(): Promise<HeldMemory> {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  // What has a finalizer goes in a later round.
  for (let round = 0; round < 3; round++) {
    collectGarbage();
    await setImmediate();
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heldBytes: heapUsed + external, residentBytes: rss };
}
