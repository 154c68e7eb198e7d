// Saving a checkpoint: a crash between any two operations leaves the one before or the new one.
import { join } from 'node:path';
import { type CheckpointOwner, encodeCheckpoint, type Snapshot } from './checkpoint.ts';
import {
  asidePath,
  type CheckpointEntry,
  checkpointPath,
  listCheckpoints,
  stagingPath,
} from './checkpoint-folder.ts';
import { type DiskOperations, runOnDisk } from './disk.ts';

/** How many of the newest stay, besides the best. */
const keptCheckpoints = 3;

export interface SaveOptions {
  /** The folder of all checkpoints. */
  readonly directory: string;
  readonly snapshot: Snapshot;
  readonly owner: CheckpointOwner;
  /** What the folder holds now, from `listCheckpoints`. */
  readonly entries: readonly CheckpointEntry[];
  /** The run may have to go back: older ones stay, too, the fewer the older they are. */
  readonly keepsPast?: boolean;
}

/** Saves on the real disk and returns the path. The snapshot must not change before that. */
export async function storeCheckpoint(options: Omit<SaveOptions, 'entries'>): Promise<string> {
  const entries = await listCheckpoints(options.directory);
  return runOnDisk(saveCheckpoint({ ...options, entries }));
}

/** Returns the path of the new checkpoint, which is durable by then. */
export function* saveCheckpoint(options: SaveOptions): DiskOperations<string> {
  const { directory, snapshot, owner, entries } = options;
  const path = checkpointPath(directory, snapshot.version);
  const staging = stagingPath(path);
  const files = Object.entries(encodeCheckpoint(snapshot, owner));
  yield { kind: 'remove', path: staging };
  try {
    for (const [name, bytes] of files) {
      yield { kind: 'write', path: join(staging, name), bytes };
      yield { kind: 'sync', path: join(staging, name) };
    }
    yield { kind: 'syncDirectory', path: staging };
    if (entries.some(({ name }) => join(directory, name) === path)) yield* setAside(path);
    yield { kind: 'rename', from: staging, to: path };
    yield { kind: 'syncDirectory', path: directory };
  } catch (error) {
    yield { kind: 'remove', path: staging };
    throw error;
  }
  try {
    yield* prune(path, options);
  } catch {
    // What could not be removed costs space and nothing else; the next save tries again.
  }
  return path;
}

function* setAside(path: string): DiskOperations {
  yield { kind: 'remove', path: asidePath(path) };
  yield { kind: 'rename', from: path, to: asidePath(path) };
}

function* prune(saved: string, options: SaveOptions): DiskOperations {
  const leftovers = options.entries
    .filter(({ kind }) => kind === 'leftover')
    .map(({ name }) => join(options.directory, name));
  for (const path of [asidePath(saved), ...leftovers]) yield { kind: 'remove', path };
  for (const { name } of superseded(options)) {
    const path = join(options.directory, name);
    // Renamed first, because a folder that was half removed must not look like a checkpoint.
    yield* setAside(path);
    yield { kind: 'remove', path: asidePath(path) };
  }
}

/** What the new checkpoint makes needless. Broken ones stay, for whoever wants to look at them. */
function superseded({ snapshot, entries, keepsPast }: SaveOptions): CheckpointEntry[] {
  const saved = { version: snapshot.version, testAccuracy: snapshot.lastTestAccuracy };
  const older = entries
    .filter(({ kind, version }) => kind === 'whole' && version < saved.version)
    .sort((a, b) => b.version - a.version);
  const best = bestVersion([saved, ...older]);
  const latest = older.splice(0, keptCheckpoints - 1);
  const past = keepsPast ? spreadOf(older, { saved, latest }) : [];
  return older.filter((entry) => entry.version !== best && !past.includes(entry));
}

/**
 * Of these, newest first, the fewest that do for going back to any step: from the newest one before it there is at most
 * twice as far to go again as from the step itself, unless there never was a nearer one. The oldest always is among
 * them; in all there are about two for each time that the run's length has doubled.
 */
function spreadOf(
  older: readonly CheckpointEntry[],
  { saved, latest }: { readonly saved: Evaluated; readonly latest: readonly CheckpointEntry[] },
): CheckpointEntry[] {
  const ageOf = ({ version }: Evaluated): number => saved.version - version;
  let newer = latest.at(-1) ?? saved;
  return older.filter((entry, at) => {
    const before = older.at(at + 1);
    if (before !== undefined && ageOf(before) <= 2 * ageOf(newer)) return false;
    newer = entry;
    return true;
  });
}

type Evaluated = Pick<CheckpointEntry, 'version' | 'testAccuracy'>;

/** Of equal ones the oldest, because later ones repeat its accuracy until the next evaluation. */
function bestVersion(newestFirst: readonly Evaluated[]): number | undefined {
  let best: Evaluated | undefined;
  for (const candidate of newestFirst) {
    if (candidate.testAccuracy === undefined) continue;
    if (candidate.testAccuracy >= (best?.testAccuracy ?? 0)) best = candidate;
  }
  return best?.version;
}
