// A run that is over, or stands still, as its folder tells it.
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readLedger } from '../coordinator/ledger.ts';
import { readEvents } from '../coordinator/past-events.ts';
import { openRunFolder, type RunFolder } from '../coordinator/run-folder.ts';
import type { RunHistory } from '../shared/contracts.ts';
import type { RunEventOf, WorkerRow } from '../shared/events.ts';
import { CliError } from './exit-codes.ts';

/** By its folder, or by its name in `root`. */
export async function findRun(run: string, root: string): Promise<RunFolder> {
  return openRunFolder(run)
    .catch(() => openRunFolder(join(root, run)))
    .catch((cause: Error) => {
      throw new CliError('run', cause.message, { hint: 'See: tutti runs ls', cause });
    });
}

export async function readHistory({ id, paths }: RunFolder): Promise<RunHistory> {
  const steps = await readLedger(paths.ledger).catch((cause: Error) => {
    throw new CliError('run', cause.message, { cause });
  });
  return { run: id, events: await readEvents(paths.events), steps };
}

export function epochsOf({ events }: RunHistory): RunEventOf<'epoch'>[] {
  return events.filter((event) => event.type === 'epoch');
}

/** The last that was told of each worker. A coordinator that was started again counts them anew. */
export function workersOf({ events }: RunHistory): WorkerRow[] {
  const rows = new Map<string, WorkerRow>();
  let start = 0;
  for (const event of events) {
    if (event.type === 'run') start = event.seq;
    if (event.type !== 'workers') continue;
    for (const row of event.rows) rows.set(`${start} ${row.worker}`, row);
  }
  return [...rows.values()];
}

export interface RunFile {
  readonly name: string;
  readonly bytes: number;
}

/** Without checkpoints and locks, by name. */
export async function filesOf({ directory }: RunFolder): Promise<RunFile[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries.filter((each) => each.isFile() && !/^\.|^lock-/.test(each.name));
  const files = names.map(async ({ name }) => {
    return { name, bytes: (await stat(join(directory, name))).size };
  });
  return (await Promise.all(files)).sort((a, b) => a.name.localeCompare(b.name));
}
