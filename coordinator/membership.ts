// What the coordinator knows of each worker: its state, its speed, and what it owes.
import type { ShardRun } from '../shared/protocol.ts';

/** Shards that one worker promised to compute. It ends when all are answered, or when its time is up. */
export interface Lease {
  /** Weights to compute at; also names the step. */
  readonly version: number;
  readonly shards: number;
  readonly issuedAt: number;
  /** When it should be done, by the worker's own speed. */
  readonly dueAt: number;
  /** From here on an idle worker may get a second copy. */
  readonly lateAt: number;
  /** From here on its shards are open again. */
  readonly expiresAt: number;
  /** Runs not answered yet. */
  readonly pending: ShardRun[];
}

export type WorkerState =
  /** Loads its data and proves its engine. */
  | { readonly kind: 'preparing' }
  | { readonly kind: 'idle' }
  | { readonly kind: 'working'; readonly lease: Lease }
  /** Let a lease expire. It is given another one after `retryAt`, or as soon as it answers. */
  | { readonly kind: 'suspect'; readonly lease: Lease; readonly retryAt: number };

export interface Member {
  readonly worker: string;
  readonly name: string;
  state: WorkerState;
  /** Measured time for one shard from lease to answer: a moving average. */
  shardMs: number;
  /** Version of the weights last sent to it. */
  weightsVersion: number;
  /** Leases in a row that it let expire. */
  expirations: number;
  /** Bad messages so far. */
  strikes: number;
  /** Its latest runs, oldest first: which it still owes an answer, and which it has answered. */
  readonly granted: Map<string, 'owed' | 'answered'>;
  /** When it last had work, to probe workers that get none. */
  lastLeasedAt: number;
}

export interface LeaseTimes {
  /** A lease is late after this many times its expected duration ... */
  readonly lateFactor: number;
  /** ... but never before this. */
  readonly lateFloorMs: number;
  readonly expireFactor: number;
  readonly expireFloorMs: number;
  /** First pause of a worker that let a lease expire; doubles each time in a row. */
  readonly retryMs: number;
  readonly maxRetryMs: number;
  /** A ready worker without work gets a second copy of a shard this often, to learn its speed. */
  readonly probeMs: number;
}

export const defaultLeaseTimes: LeaseTimes = {
  lateFactor: 3,
  lateFloorMs: 50,
  expireFactor: 5,
  expireFloorMs: 1000,
  retryMs: 1000,
  maxRetryMs: 30_000,
  probeMs: 5000,
};

export function newMember(worker: string, name: string): Member {
  return {
    worker,
    name,
    state: { kind: 'preparing' },
    shardMs: 0,
    weightsVersion: -1,
    expirations: 0,
    strikes: 0,
    granted: new Map(),
    lastLeasedAt: 0,
  };
}

export function createLease(
  { shardMs }: Member,
  version: number,
  runs: readonly ShardRun[],
  now: number,
  times: LeaseTimes,
): Lease {
  const shards = runs.reduce((sum, { length }) => sum + length, 0);
  const expectedMs = shardMs * shards;
  return {
    version,
    shards,
    issuedAt: now,
    dueAt: now + expectedMs,
    lateAt: now + Math.max(times.lateFloorMs, times.lateFactor * expectedMs),
    expiresAt: now + Math.max(times.expireFloorMs, times.expireFactor * expectedMs),
    pending: [...runs],
  };
}

/** How many runs back an answer is still known as late or repeated, rather than invented. */
const rememberedRuns = 256;

export function remember({ granted }: Member, version: number, run: ShardRun): void {
  granted.set(runKey(version, run), 'owed');
  for (const oldest of granted.keys()) {
    if (granted.size <= rememberedRuns) return;
    granted.delete(oldest);
  }
}

export function runKey(version: number, { start, length }: ShardRun): string {
  return `${version}:${start}+${length}`;
}

/** Outside of these a claim is no speed, but would give a worker a lease without end, or all shards. */
const minClaimedShardMs = 0.01;
const maxClaimedShardMs = 60_000;

/** Expected time for one shard, until it is measured. */
export function claimedShardMs(shardSamples: number, samplesPerSecond: number): number {
  const claimed = (1000 * shardSamples) / samplesPerSecond;
  return Math.min(Math.max(claimed, minClaimedShardMs), maxClaimedShardMs);
}

/** Weight of the newest measurement in the moving average: adapts within a few steps. */
const newestWeight = 0.3;
/** One hiccup must not make a worker look a thousand times slower. */
const maxSlowdown = 8;

export function measure(member: Member, lease: Lease, now: number): void {
  const measured = (now - lease.issuedAt) / lease.shards;
  const plausible = Math.min(measured, member.shardMs * maxSlowdown);
  member.shardMs += newestWeight * (plausible - member.shardMs);
}
