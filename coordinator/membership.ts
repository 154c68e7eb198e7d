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
  /** A copy that nobody waits for, given to learn the worker's speed: it holds none of its shards. */
  readonly isProbe: boolean;
  /** Samples of it have to be fetched first: how long it takes says little of the worker's speed. */
  readonly isFirst: boolean;
}

export type WorkerState =
  /** Loads its data and proves its engine. */
  | { readonly kind: 'preparing' }
  | { readonly kind: 'idle' }
  | { readonly kind: 'working'; readonly lease: Lease }
  /** Let a lease expire. It is tried again after `retryAt`, or as soon as it answers. */
  | { readonly kind: 'suspect'; readonly lease: Lease; readonly retryAt: number };

/** An answer that is due; that of a probe is not used, because it may be a part of what somebody else computes. */
export type Owed = 'owed' | 'probe';

export interface Member {
  readonly worker: string;
  readonly name: string;
  /** Changed by the leases alone. */
  readonly state: WorkerState;
  /** Measured time for one shard from lease to answer: a moving geometric mean, see `measure`. */
  shardMs: number;
  /** A lease that takes long counts: the one before did, too, or there was none, and what it said of itself is no measure. */
  mayBeSlow: boolean;
  /** Its latest lease was a probe, and told that it is faster than what was known of it. */
  improves: boolean;
  /** How many compute for it: 1, unless it is a relay. */
  workers: number;
  /** Version of the weights last sent to it. */
  weightsVersion: number;
  /** Leases in a row that it let expire. Until it answers one in full, no step relies on it. */
  expirations: number;
  /** Bad messages so far. */
  strikes: number;
  /** Runs that it has answered, and answers that it gave once more. */
  answers: number;
  repeats: number;
  /** Its latest runs, oldest first. */
  readonly granted: Map<string, 'answered' | Owed>;
  /** Shards of its latest leases, oldest first; only where each shard draws from its own part of the data. */
  readonly latestShards?: (readonly number[])[];
  /** All of them: it has what they draw from. Of those before, it may have what other steps drew. */
  parts?: ReadonlySet<number>;
  /** Version of the last step that relied on it. */
  lastNeededVersion: number;
  /** When it last had work, and how often in a row that was a probe. */
  lastLeasedAt: number;
  probes: number;
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
  /** A ready worker without work gets a copy of a shard after this time, to learn its speed; then after twice ... */
  readonly probeMs: number;
  /** ... and so on up to this. */
  readonly maxProbeMs: number;
}

export const defaultLeaseTimes: LeaseTimes = {
  lateFactor: 2,
  lateFloorMs: 50,
  expireFactor: 5,
  expireFloorMs: 1000,
  retryMs: 1000,
  maxRetryMs: 30_000,
  probeMs: 50,
  maxProbeMs: 5000,
};

export function newMember(worker: string, name: string, hasParts: boolean): Member {
  return {
    worker,
    name,
    state: { kind: 'preparing' },
    shardMs: 0,
    mayBeSlow: true,
    improves: false,
    workers: 1,
    weightsVersion: -1,
    expirations: 0,
    strikes: 0,
    answers: 0,
    repeats: 0,
    granted: new Map(),
    ...(hasParts && { latestShards: [], parts: new Set<number>() }),
    lastNeededVersion: -1,
    lastLeasedAt: 0,
    probes: 0,
  };
}

export interface Grant {
  readonly version: number;
  readonly runs: readonly ShardRun[];
  readonly isProbe: boolean;
}

export function createLease(
  { shardMs, parts }: Member,
  { version, runs, isProbe }: Grant,
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
    isProbe,
    isFirst: parts !== undefined && shardsOf(runs).some((shard) => !parts.has(shard)),
  };
}

/** For so many leases a worker counts as one who has the samples of a shard. */
const rememberedLeases = 16;

export function rememberShards(member: Member, runs: readonly ShardRun[]): void {
  const { latestShards } = member;
  if (latestShards === undefined) return;
  latestShards.push(shardsOf(runs));
  if (latestShards.length > rememberedLeases) latestShards.shift();
  member.parts = new Set(latestShards.flat());
}

export function shardsOf(runs: readonly ShardRun[]): number[] {
  return runs.flatMap(({ start, length }) => Array.from({ length }, (_, at) => start + at));
}

/** How many runs back an answer is still known as late or repeated, rather than invented. */
const rememberedRuns = 1024;

export function remember({ granted }: Member, version: number, run: ShardRun, owed: Owed): void {
  granted.set(runKey(version, run), owed);
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

/**
 * Weight of the newest measurement in the moving mean. The mean is that of the logarithms: a worker that becomes ten
 * times slower and one that becomes ten times faster are found out in the same few steps, and one hiccup of a
 * thousand times counts for sixteen.
 */
const newestWeight = 0.4;
/**
 * What took more than so many times what was expected counts when it happens twice in a row: where each of two workers
 * has one shard, a single hiccup would else give all shards to the other until a probe says better.
 */
const hiccupFactor = 2;

export function measure(member: Member, { issuedAt, shards, isProbe }: Lease, now: number): void {
  const measured = Math.max((now - issuedAt) / shards, minClaimedShardMs);
  const isSlow = measured > hiccupFactor * member.shardMs;
  const isHiccup = isSlow && !member.mayBeSlow;
  member.mayBeSlow = isSlow;
  member.improves = isProbe && measured < member.shardMs;
  // What is known of a worker that is probed is old.
  if (member.improves) member.shardMs = measured;
  else if (!isHiccup) member.shardMs *= (measured / member.shardMs) ** newestWeight;
}
