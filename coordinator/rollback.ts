// Back to before a liar took part: from which steps on a run is not to be trusted, and its folder without them.
import { ownerOf } from './archive.ts';
import type { Snapshot } from './checkpoint.ts';
import { type LoadedCheckpoint, loadLatestCheckpoint } from './checkpoint-folder.ts';
import { takeBackCheckpoints } from './checkpoint-undo.ts';
import { type LedgerRecord, readLedger } from './ledger.ts';
import { streamEvents } from './past-events.ts';
import type { RunFolder } from './run-folder.ts';

export interface RolledBack {
  /** Where to go on from. */
  readonly start: Snapshot;
  /** What a person should know. */
  readonly notice: string;
}

/**
 * Takes the folder back to the newest checkpoint from before the first step that one of these workers had a share in:
 * no later one is loaded again, whatever crashes. Nobody may write to it meanwhile. Rejects where no checkpoint loads.
 */
export async function rollBack(folder: RunFolder, liars: readonly string[]): Promise<RolledBack> {
  const { checkpoints, ledger, events } = folder.paths;
  const { ids, names } = await allOf(liars, events);
  const trusted = stepsBefore(ids, await readLedger(ledger));
  const owner = ownerOf(folder);
  const first = Number.isFinite(trusted)
    ? `a share in step ${trusted + 1}`
    : 'a share in no finished step';
  const who = `${names.join(' and ')} lied and had ${first}`;
  const old = await loadLatestCheckpoint(checkpoints, owner, undefined, trusted);
  if (old.snapshot !== undefined) {
    const { version } = old.snapshot;
    await takeBackCheckpoints(checkpoints, version);
    return { start: old.snapshot, notice: `${who}: the run goes back to step ${version}` };
  }
  const { snapshot }: LoadedCheckpoint = await loadLatestCheckpoint(checkpoints, owner);
  if (snapshot === undefined) throw new Error(`${checkpoints} holds no checkpoint to go back to`);
  return {
    start: snapshot,
    notice: `${who}, and no checkpoint is as old: that stays in the weights`,
  };
}

/** Committed steps before the first in which one of these had a share; infinity where there is none. */
export function stepsBefore(workers: ReadonlySet<string>, ledger: readonly LedgerRecord[]): number {
  const first = ledger.find(({ shards }) => shards.some(({ worker }) => workers.has(worker)));
  return first === undefined ? Number.POSITIVE_INFINITY : first.version - 1;
}

/**
 * Whoever loses the connection comes back under another id: all that ever had the name of one of these are the same. At
 * worst that goes back further than is needed.
 */
async function allOf(
  liars: readonly string[],
  eventsPath: string,
): Promise<{ readonly ids: ReadonlySet<string>; readonly names: readonly string[] }> {
  const names = new Map<string, string>();
  for await (const event of streamEvents(eventsPath, new Set(['worker']))) {
    if (event.type === 'worker' && event.action === 'joined') names.set(event.worker, event.name);
  }
  const lied = new Set(liars.map((worker) => names.get(worker) ?? worker));
  const namesakes = [...names].filter(([, name]) => lied.has(name)).map(([worker]) => worker);
  return { ids: new Set([...liars, ...namesakes]), names: [...lied] };
}
