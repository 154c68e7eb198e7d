// One coordinator a run folder. Locks are numbered, `lock-1`, `lock-2`, ...: the highest counts, an
// empty one is released, and whoever finds its holder gone creates the next. A number can be
// created only once and the highest is never removed, so of two who find the same dead holder one
// fails, however late it comes.
import { randomUUID } from 'node:crypto';
import { link, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import * as v from 'valibot';
import { hasCode, unlessAbsent } from './disk.ts';

export interface RunLock {
  release(): Promise<void>;
}

const holderSchema = v.object({
  pid: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  /** Tells a process from a later one of the same number; absent where the system does not say. */
  start: v.optional(v.string()),
  host: v.string(),
});
type Holder = v.InferOutput<typeof holderSchema>;

export interface LockOptions {
  /** Whoever holds it on another computer is gone: somebody knows, because nobody can see it from here. */
  readonly takeOver?: boolean;
}

/** Rejects while a living process holds the folder: the message names it and says what to do. */
export async function acquireRunLock(
  directory: string,
  options: LockOptions = {},
): Promise<RunLock> {
  const own: Holder = {
    pid: process.pid,
    start: await processStart(process.pid),
    host: hostname(),
  };
  // Linked to its place when complete, so that nobody reads half a lock.
  const staging = join(directory, `.lock-${randomUUID()}`);
  await writeFile(staging, JSON.stringify(own));
  try {
    for (;;) {
      const path = await tryNext(directory, staging, options);
      if (path !== undefined) return { release: () => unlessAbsent(truncate(path)) };
    }
  } finally {
    await rm(staging, { force: true });
  }
}

/** A coordinator works in the folder right now. */
export async function isRunLocked(directory: string): Promise<boolean> {
  try {
    const lock = await acquireRunLock(directory);
    await lock.release();
    return false;
  } catch {
    return true;
  }
}

/** Path of our lock, or undefined when somebody else was faster: then look at theirs. */
async function tryNext(
  directory: string,
  staging: string,
  options: LockOptions,
): Promise<string | undefined> {
  const last = Math.max(0, ...(await lockNumbers(directory)));
  const path = lockPath(directory, last + 1);
  try {
    if (last > 0) await refuseIfHeld(directory, lockPath(directory, last), options);
    await link(staging, path);
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return undefined;
    throw error;
  }
  const numbers = await lockNumbers(directory);
  // `last` may have been looked at long ago, and this number created, succeeded and removed since.
  const isHighest = Math.max(...numbers) === last + 1;
  const needless = isHighest ? numbers.filter((number) => number <= last) : [last + 1];
  for (const number of needless) await rm(lockPath(directory, number), { force: true });
  return isHighest ? path : undefined;
}

async function refuseIfHeld(
  directory: string,
  path: string,
  { takeOver }: LockOptions,
): Promise<void> {
  const holder = parseHolder(await unlessAbsent(readFile(path, 'utf8')));
  if (holder === undefined) return;
  if (holder.host !== hostname()) {
    if (takeOver) return;
    throw new Error(
      `${directory} is in use by process ${holder.pid} on the computer ${holder.host}. ` +
        `Stop that coordinator first; if it is gone already, start with --take-over.`,
    );
  }
  if (await isAlive(holder)) {
    throw new Error(
      `${directory} is in use by process ${holder.pid}. ` +
        'Stop that coordinator first, or start a run of its own.',
    );
  }
}

/** Nobody when the lock was released or removed, or lost its content with the power. */
function parseHolder(text: string | undefined): Holder | undefined {
  try {
    return v.parse(holderSchema, JSON.parse(text ?? ''));
  } catch {
    return undefined;
  }
}

async function isAlive({ pid, start }: Holder): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Any other answer, such as "not permitted", comes from a process that exists.
    if (hasCode(error, 'ESRCH')) return false;
  }
  const found = await processStart(pid);
  return start === undefined || found === undefined || start === found;
}

/** On Linux: which boot, and how many ticks after it. A zombie counts as gone. */
async function processStart(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    // Field 2, the name, may hold anything but ends with the last parenthesis; 3 is the state, 22
    // the start.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return 'ZX'.includes(fields[0]) ? 'gone' : `${boot.trim()}:${fields[19]}`;
  } catch {
    return undefined;
  }
}

async function lockNumbers(directory: string): Promise<number[]> {
  return (await readdir(directory)).flatMap((name) => {
    const digits = /^lock-(\d+)$/.exec(name)?.[1];
    return digits === undefined ? [] : [Number(digits)];
  });
}

function lockPath(directory: string, number: number): string {
  return join(directory, `lock-${number}`);
}
