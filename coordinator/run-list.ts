// What a folder of runs holds, told from each run's configuration and events. One broken folder
// hides no other.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { unlessAbsent } from './disk.ts';
import { readEvents } from './past-events.ts';
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

/** Newest first, broken ones last. None where there is no folder. */
export async function listRuns(root: string): Promise<RunSummary[]> {
  const entries = (await unlessAbsent(readdir(root, { withFileTypes: true }))) ?? [];
  const folders = entries.filter((entry) => entry.isDirectory());
  const runs = await Promise.all(folders.map(({ name }) => summarize(join(root, name))));
  return runs.sort((a, b) => createdOf(b).localeCompare(createdOf(a)));
}

async function summarize(directory: string): Promise<RunSummary> {
  try {
    const folder = await openRunFolder(directory);
    const events = await readEvents(folder.paths.events);
    const evaluated = events.filter((event) => event.type === 'epoch');
    const last = events.findLast(({ type }) => type === 'run' || type === 'end');
    const isFinished = last?.type === 'end' && last.reason === 'completed';
    return {
      state: isFinished ? 'finished' : 'unfinished',
      folder,
      epochs: Math.max(0, ...evaluated.map(({ epoch }) => epoch)),
      ...(evaluated.length > 0 && {
        bestAccuracy: Math.max(...evaluated.map(({ testAccuracy }) => testAccuracy)),
      }),
    };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return { state: 'broken', directory, problem };
  }
}

function createdOf(run: RunSummary): string {
  return run.state === 'broken' ? '' : run.folder.created;
}
