// Back to before a liar took part: from which steps on a run is not to be trusted, and its folder without them.
import { ownerOf } from './archive.ts';
import type { Snapshot } from './checkpoint.ts';
import { type LoadedCheckpoint, loadLatestCheckpoint } from './checkpoint-folder.ts';
import { takeBackCheckpoints } from './checkpoint-undo.ts';
import type { Liars } from './distrust.ts';
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
export async function rollBack(folder: RunFolder, liars: Liars): Promise<RolledBack> {
  const { checkpoints, ledger, events } = folder.paths;
  const { ids, names } = await allOf(liars, events);
  const trusted = stepsBefore(ids, await readLedger(ledger));
  const owner = ownerOf(folder);
  const who = names.join(' and ');
  const what = Number.isFinite(trusted)
    ? `what ${who} gave from step ${trusted + 1} on is not to be trusted`
    : `what ${who} gave last is not to be trusted, and is in no finished step`;
  const old = await loadLatestCheckpoint(checkpoints, owner, undefined, trusted);
  if (old.snapshot !== undefined) {
    const { version } = old.snapshot;
    await takeBackCheckpoints(checkpoints, version);
    return { start: old.snapshot, notice: `${what}: the run goes back to step ${version}` };
  }
  const { snapshot }: LoadedCheckpoint = await loadLatestCheckpoint(checkpoints, owner);
  if (snapshot === undefined) throw new Error(`${checkpoints} holds no checkpoint to go back to`);
  return {
    start: snapshot,
    notice: `${what}, and no checkpoint is as old: that stays in the weights`,
  };
}

/** Committed steps before the first in which one of these had a share that is not to be trusted; infinity where there is none. */
export function stepsBefore(liars: Liars, ledger: readonly LedgerRecord[]): number {
  const first = ledger.find(({ version, shards }) => {
    return shards.some(({ worker }) => version > (liars.get(worker) ?? Number.POSITIVE_INFINITY));
  });
  return first === undefined ? Number.POSITIVE_INFINITY : first.version - 1;
}

/**
 * Whoever loses the connection comes back under another id: all that ever had the name of one of these are the same. At
 * worst that goes back further than is needed.
 */
async function allOf(
  liars: Liars,
  eventsPath: string,
): Promise<{ readonly ids: Liars; readonly names: readonly string[] }> {
  const names = new Map<string, string>();
  for await (const event of streamEvents(eventsPath, new Set(['worker']))) {
    if (event.type === 'worker' && event.action === 'joined') names.set(event.worker, event.name);
  }
  const lied = new Map<string, number>();
  for (const [worker, since] of liars) {
    const name = names.get(worker) ?? worker;
    lied.set(name, Math.min(since, lied.get(name) ?? since));
  }
  const namesakes = [...names].flatMap(([worker, name]) => {
    const since = lied.get(name);
    return since === undefined ? [] : [[worker, since] as const];
  });
  return { ids: new Map([...liars, ...namesakes]), names: [...lied.keys()] };
}
