// Who gets which shards of a step, so that all are done as early as the measured speeds allow.
import type { ShardRun } from '../shared/protocol.ts';

export interface Candidate {
  readonly worker: string;
  /** Expected time for one shard, transport included. */
  readonly shardMs: number;
}

export interface Allotment {
  readonly worker: string;
  readonly runs: readonly ShardRun[];
}

/** A lease must fit into a message, and a few of them into what is remembered of a worker. */
const maxRunsPerLease = 64;

/**
 * Splits `shards` (indices in ascending order) over the candidates: each shard in turn counts for whoever would
 * finish it first, then everybody gets neighbouring shards, as aligned runs, so that few partial sums travel.
 * Shards that come in too many pieces are left over.
 */
export function allot(shards: readonly number[], candidates: readonly Candidate[]): Allotment[] {
  const shares = candidates.map((candidate) => ({ ...candidate, count: 0 }));
  // Equal speeds are told apart by name, so that the same situation always gets the same answer.
  shares.sort((a, b) => a.shardMs - b.shardMs || (a.worker < b.worker ? -1 : 1));
  for (let open = shards.length; open > 0; open--) {
    let soonest = shares[0];
    for (const share of shares) {
      if ((share.count + 1) * share.shardMs < (soonest.count + 1) * soonest.shardMs)
        soonest = share;
    }
    soonest.count++;
  }
  // The fastest have the most: their ranges come first and start at aligned indices.
  let from = 0;
  const allotments: Allotment[] = [];
  for (const { worker, count } of shares) {
    if (count === 0) break;
    const runs = alignedRuns(shards.slice(from, from + count));
    allotments.push({ worker, runs: runs.slice(0, maxRunsPerLease) });
    from += count;
  }
  return allotments;
}

/** The fewest aligned runs that cover exactly these ascending shard indices. */
export function alignedRuns(shards: readonly number[]): ShardRun[] {
  const runs: ShardRun[] = [];
  let at = 0;
  while (at < shards.length) {
    const start = shards[at];
    let length = 1;
    while (
      start % (length * 2) === 0 &&
      at + length * 2 <= shards.length &&
      shards[at + length * 2 - 1] === start + length * 2 - 1
    ) {
      length *= 2;
    }
    runs.push({ start, length });
    at += length;
  }
  return runs;
}
