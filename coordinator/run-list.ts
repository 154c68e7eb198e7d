// What a folder of runs holds, told from each run's configuration and events. One broken folder
// hides no other.
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunEvent } from '../shared/events.ts';
import { unlessAbsent } from './disk.ts';
import { streamEvents } from './past-events.ts';
import { openRunFolder, type RunFolder } from './run-folder.ts';

export type RunSummary =
  | {
      readonly state: 'finished' | 'unfinished';
      readonly folder: RunFolder;
      /** Whole epochs committed and evaluated. */
      readonly epochs: number;
      /** On the test set; absent before the first evaluation. */
      readonly bestAccuracy?: number;
    }
  | { readonly state: 'broken'; readonly directory: string; readonly problem: string };

/** All that a summary is made of. */
const summaryTypes: ReadonlySet<RunEvent['type']> = new Set(['run', 'epoch', 'end']);

/** Newest first, broken ones last. None where there is no folder. */
export function listRuns(root: string): Promise<RunSummary[]> {
  return createRunList(root)();
}

/** The same for who asks again and again: events are read when there are more of them than before. */
export function createRunList(root: string): () => Promise<RunSummary[]> {
  const known = new Map<string, { readonly stamp: string; readonly summary: RunSummary }>();
  const lookUp = async (directory: string): Promise<RunSummary> => {
    try {
      const folder = await openRunFolder(directory);
      const found = await unlessAbsent(stat(folder.paths.events));
      const stamp = `${folder.id} ${found?.size} ${found?.mtimeMs}`;
      const past = known.get(directory);
      if (past?.stamp === stamp) return past.summary;
      const summary = await summarize(folder);
      known.set(directory, { stamp, summary });
      return summary;
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      return { state: 'broken', directory, problem };
    }
  };
  return async () => {
    const entries = (await unlessAbsent(readdir(root, { withFileTypes: true }))) ?? [];
    const folders = entries.filter((entry) => entry.isDirectory());
    const runs: RunSummary[] = [];
    for (const { name } of folders) runs.push(await lookUp(join(root, name)));
    return runs.sort((a, b) => createdOf(b).localeCompare(createdOf(a)));
  };
}

async function summarize(folder: RunFolder): Promise<RunSummary> {
  let epochs = 0;
  let bestAccuracy: number | undefined;
  let isFinished = false;
  for await (const event of streamEvents(folder.paths.events, summaryTypes)) {
    if (event.type === 'epoch') {
      epochs = Math.max(epochs, event.epoch);
      bestAccuracy = Math.max(bestAccuracy ?? 0, event.testAccuracy);
    } else isFinished = event.type === 'end' && event.reason === 'completed';
  }
  const state = isFinished ? 'finished' : 'unfinished';
  return { state, folder, epochs, ...(bestAccuracy !== undefined && { bestAccuracy }) };
}

function createdOf(run: RunSummary): string {
  return run.state === 'broken' ? '' : run.folder.created;
}
