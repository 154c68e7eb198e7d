// The folder of checkpoints: `checkpoints/000001234/` is the one of version 1234, whole or absent.
// A name that starts with a dot is work in progress: `.tmp-` is being written, `.old-` makes room
// or is going.
import { basename, dirname, join } from 'node:path';
import {
  type CheckpointOwner,
  checkpointFileNames,
  decodeCheckpoint,
  type Snapshot,
} from './checkpoint.ts';
import { decodeState, type Refusal, refuse } from './checkpoint-state.ts';
import { type DiskReader, diskReader } from './disk.ts';

export interface CheckpointEntry {
  readonly name: string;
  readonly version: number;
  readonly kind: 'whole' | 'broken' | 'leftover';
  /** Of the last evaluation before a whole one was saved. */
  readonly testAccuracy?: number;
}

export interface SkippedCheckpoint {
  readonly path: string;
  readonly reason: string;
}

export type LoadedCheckpoint = { readonly skipped: readonly SkippedCheckpoint[] } & (
  | { readonly snapshot: Snapshot; readonly path: string }
  | { readonly snapshot?: undefined }
);

export function checkpointPath(directory: string, version: number): string {
  return join(directory, String(version).padStart(9, '0'));
}

/** Where the checkpoint at `path` is written until it is whole. */
export function stagingPath(path: string): string {
  return join(dirname(path), `.tmp-${basename(path)}`);
}

/** Where the checkpoint at `path` goes while another takes its place, or before it is removed. */
export function asidePath(path: string): string {
  return join(dirname(path), `.old-${basename(path)}`);
}

/** Told from the names and each `state.json`: quick, but blind to a torn tensor file. */
export async function listCheckpoints(
  directory: string,
  reader: DiskReader = diskReader,
): Promise<CheckpointEntry[]> {
  const named = parseNames(await reader.list(directory));
  return Promise.all(
    named.map(async ({ name, version, prefix }) => {
      if (prefix !== '') return { name, version, kind: 'leftover' as const };
      const bytes = await reader.read(join(directory, name, 'state.json')).catch(() => undefined);
      const decoded = bytes && decodeState(bytes);
      if (!decoded?.ok) return { name, version, kind: 'broken' as const };
      const testAccuracy = decoded.state.progress.lastTestAccuracy;
      return { name, version, kind: 'whole' as const, testAccuracy };
    }),
  );
}

/** The newest checkpoint up to `newest` that is whole and the owner's; newer ones that are not are reported. */
export async function loadLatestCheckpoint(
  directory: string,
  owner: CheckpointOwner,
  reader: DiskReader = diskReader,
  newest = Number.POSITIVE_INFINITY,
): Promise<LoadedCheckpoint> {
  const skipped: SkippedCheckpoint[] = [];
  // One that was set aside counts too: a crash may have come before the new one had its place.
  const candidates = parseNames(await reader.list(directory))
    .filter(({ prefix, version }) => prefix !== '.tmp-' && version <= newest)
    .sort((a, b) => b.version - a.version || a.prefix.length - b.prefix.length);
  for (const { name, version } of candidates) {
    const path = join(directory, name);
    const verdict = await readCheckpoint(path, owner, reader);
    if (verdict.ok && verdict.snapshot.version === version) {
      return { snapshot: verdict.snapshot, path, skipped };
    }
    skipped.push({ path, reason: verdict.ok ? 'it holds another version' : verdict.reason });
  }
  return { skipped };
}

async function readCheckpoint(
  path: string,
  owner: CheckpointOwner,
  reader: DiskReader,
): Promise<ReturnType<typeof decodeCheckpoint> | Refusal> {
  try {
    const files = await Promise.all(
      checkpointFileNames.map(async (name) => [name, await reader.read(join(path, name))] as const),
    );
    return decodeCheckpoint(Object.fromEntries(files), owner);
  } catch (error) {
    return refuse(`it cannot be read: ${error instanceof Error ? error.message : error}`);
  }
}

/** What of these names is a checkpoint, whole or not, and of which version. */
export function parseNames(names: readonly string[]) {
  return names.flatMap((name) => {
    const [, prefix, digits] = /^(\.tmp-|\.old-|)(\d{9,})$/.exec(name) ?? [];
    return digits === undefined ? [] : [{ name, prefix, version: Number(digits) }];
  });
}
