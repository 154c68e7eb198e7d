// Which shards of a step go to whom, once it is known how many: those that each has the samples of, in few pieces.
import type { ShardRun } from '../shared/protocol.ts';

/** What one worker is to have. */
export interface Share {
  /** Shards whose samples it need not fetch any more; absent where that makes no difference. */
  readonly parts?: ReadonlySet<number>;
  /** Shards that it has no run for yet. */
  count: number;
  readonly runs: ShardRun[];
}

/**
 * From the largest runs to single shards: so they always fit, and each level may choose as it likes. A larger run is no
 * reason to fetch what a worker could do without.
 */
export function place(
  shards: readonly number[],
  shares: readonly Share[],
  longestRun = shards.length,
): void {
  const free = new Set(shards);
  let length = 1;
  while (length * 2 <= Math.min(shards.length, longestRun)) length *= 2;
  for (; length >= 1; length /= 2) {
    const takers = shares.filter(({ count }) => count >= length);
    if (takers.length === 0) continue;
    const runs = wholeRuns(shards, free, length);
    const allowed = new Map(takers.map((share) => [share, fetchesAhead(share, free)]));
    const offer = (share: Share, run: ShardRun): void => {
      if (share.count < length || !free.has(run.start)) return;
      const fetches = length - heldOf(share, run);
      const left = allowed.get(share)! - fetches;
      if (length > 1 && left < 0) return;
      allowed.set(share, left);
      for (let shard = run.start; shard < run.start + length; shard++) free.delete(shard);
      share.count -= length;
      share.runs.push(run);
    };
    for (const { share, run } of claims(takers, runs)) offer(share, run);
    const rest = leastClaimedFirst(shares, runs);
    // Where the first of them have gone, nobody looks again.
    let firstFree = 0;
    for (const share of takers) {
      while (firstFree < rest.length && !free.has(rest[firstFree].start)) firstFree++;
      for (let at = firstFree; at < rest.length && share.count >= length; at++) {
        offer(share, rest[at]);
      }
    }
  }
}

/** How many shards it must fetch, even if it gets all that are free and that it has the samples of. */
function fetchesAhead({ parts, count }: Share, free: ReadonlySet<number>): number {
  if (parts === undefined) return 0;
  let held = 0;
  for (const shard of parts) if (free.has(shard)) held++;
  return Math.max(0, count - held);
}

/** Aligned runs of this length of which every shard is free. */
function wholeRuns(
  shards: readonly number[],
  free: ReadonlySet<number>,
  length: number,
): ShardRun[] {
  const isWhole = (start: number): boolean => {
    for (let shard = start; shard < start + length; shard++) if (!free.has(shard)) return false;
    return true;
  };
  return shards
    .filter((start) => start % length === 0 && isWhole(start))
    .map((start) => ({ start, length }));
}

/** Who has samples of which run: the more of it, and the fewer others have, the earlier. */
function claims(shares: readonly Share[], runs: readonly ShardRun[]) {
  const found = shares.flatMap((share) => {
    if (share.parts === undefined || share.parts.size === 0) return [];
    return runs
      .map((run) => ({ share, run, held: heldOf(share, run) }))
      .filter(({ held }) => held > 0);
  });
  const rivals = new Map<ShardRun, number>();
  for (const { run, held } of found) rivals.set(run, (rivals.get(run) ?? 0) + held);
  return found.sort((a, b) => b.held - a.held || rivals.get(a.run)! - rivals.get(b.run)!);
}

/** What nobody has is for those who have nothing. */
function leastClaimedFirst(shares: readonly Share[], runs: readonly ShardRun[]): ShardRun[] {
  const holders = shares.filter(({ parts }) => parts !== undefined && parts.size > 0);
  if (holders.length === 0) return [...runs];
  const claimed = new Map(
    runs.map((run) => [run, holders.reduce((sum, share) => sum + heldOf(share, run), 0)]),
  );
  return [...runs].sort((a, b) => claimed.get(a)! - claimed.get(b)!);
}

/** How many shards of the run need not be fetched. */
export function heldOf({ parts }: Pick<Share, 'parts'>, { start, length }: ShardRun): number {
  if (parts === undefined) return length;
  let count = 0;
  for (let shard = start; shard < start + length; shard++) if (parts.has(shard)) count++;
  return count;
}
