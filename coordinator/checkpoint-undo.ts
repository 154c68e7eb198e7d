// Going back for good: every checkpoint of a later version goes, and a crash between any two operations leaves either none
// gone or a mark that says which have to go.
import { join } from 'node:path';
import { parseNames } from './checkpoint-folder.ts';
import { type DiskOperations, diskReader, runOnDisk } from './disk.ts';

/** The version that is gone back to stands in its name: an empty file cannot be torn. */
const markPattern = /^\.undo-(\d{9,})$/;

/**
 * Removes what is later than `version` from the folder that holds `names`; without a version, what a crash left of doing
 * so. A run may go on from a checkpoint only after this.
 */
export function* undoCheckpoints(
  directory: string,
  names: readonly string[],
  version?: number,
): DiskOperations {
  const marks = names.filter((name) => markPattern.test(name));
  if (version !== undefined) {
    const mark = `.undo-${String(version).padStart(9, '0')}`;
    yield { kind: 'write', path: join(directory, mark), bytes: new Uint8Array() };
    yield { kind: 'syncDirectory', path: directory };
    marks.push(mark);
  }
  if (marks.length === 0) return;
  const last = Math.min(...marks.map((mark) => Number(markPattern.exec(mark)?.[1])));
  const later = parseNames(names).filter((entry) => entry.version > last);
  yield* removeAll(directory, later);
  yield* removeAll(
    directory,
    marks.map((name) => ({ name })),
  );
}

/** The same on the real disk. */
export async function takeBackCheckpoints(directory: string, version?: number): Promise<void> {
  const names = await diskReader.list(directory);
  return runOnDisk(undoCheckpoints(directory, names, version));
}

function* removeAll(
  directory: string,
  entries: readonly { readonly name: string }[],
): DiskOperations {
  for (const { name } of entries) yield { kind: 'remove', path: join(directory, name) };
  yield { kind: 'syncDirectory', path: directory };
}
