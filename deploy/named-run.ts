// A run whose name is given: the same command starts it the first time and goes on with it every other time, so that
// whatever starts processes again need not know which time it is.
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson } from '../coordinator/canonical-json.ts';
import { diskReader } from '../coordinator/disk.ts';
import { type RunFolder, runIdPattern, runPaths } from '../coordinator/run-folder.ts';
import { acquireRunLock, type LockOptions, type RunLock } from '../coordinator/run-lock.ts';
import type { RunConfig } from '../shared/config.ts';
import { CliError } from './exit-codes.ts';

/** What was killed before its configuration was on disk has not begun. */
export async function isStarted(root: string, id: string): Promise<boolean> {
  if (!runIdPattern.test(id) || /^\.+$/.test(id)) {
    throw new CliError('usage', `--run-id: "${id}" cannot be the name of a folder.`, {
      hint: 'Up to 100 letters, digits, and _ . - may stand in it.',
    });
  }
  return (await diskReader.read(runPaths(join(root, id)).config)) !== undefined;
}

/** An empty folder under a lock. Rejects where another coordinator was faster. */
export async function claimRun(root: string, id: string, options: LockOptions): Promise<RunLock> {
  const directory = join(root, id);
  await mkdir(directory, { recursive: true });
  const lock = await acquireRunLock(directory, options);
  if (await isStarted(root, id)) {
    await lock.release();
    throw new Error(`${directory} was started by another coordinator just now; try again.`);
  }
  await rm(runPaths(directory).checkpoints, { recursive: true, force: true });
  return lock;
}

/** The name of a run stands for what it computes. */
export function refuseOtherConfig(wanted: RunConfig, { id, config }: RunFolder): void {
  const names = Object.keys({ ...wanted, ...config }) as (keyof RunConfig)[];
  const other = names.filter((name) => {
    return canonicalJson(wanted[name] ?? null) !== canonicalJson(config[name] ?? null);
  });
  if (other.length === 0) return;
  throw new CliError('usage', `--run-id ${id}: that run has another ${other.join(', ')}.`, {
    hint: 'Give the options that it was started with, or another name to what is another run.',
  });
}
