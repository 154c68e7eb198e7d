// Who gets which shards of a step, so that all are done as early as the measured speeds allow.
import type { ShardRun } from '../shared/protocol.ts';
import { heldOf, place, type Share } from './place.ts';

export interface Candidate {
  readonly worker: string;
  /** Expected time for one shard, transport included. */
  readonly shardMs: number;
  /** Shards whose samples it need not fetch any more; absent where that makes no difference. */
  readonly parts?: ReadonlySet<number>;
}

export interface Allotment {
  readonly worker: string;
  readonly runs: readonly ShardRun[];
}

/**
 * A shard whose samples must be fetched first counts for so much more. So neither the noise in the speeds of equal
 * workers nor a newcomer moves shards to and fro, and a step is late by half a shard at the most.
 */
const costOfFetching = 0.5;

interface TimedShare extends Share, Candidate {}

/** A lease must fit into a message, and a few of them into what is remembered of a worker. */
const maxRunsPerLease = 64;

/**
 * Splits `shards` (indices in ascending order) over the candidates: each shard in turn counts for whoever would
 * finish it first, then everybody gets as many: those whose samples it has, in the largest aligned runs, so that few
 * partial sums travel. Shards that come in too many pieces are left over.
 */
export function allot(
  shards: readonly number[],
  candidates: readonly Candidate[],
  longestRun?: number,
): Allotment[] {
  const shares = candidates.map(({ worker, shardMs, parts }) => {
    return { worker, shardMs, parts, count: 0, runs: [] };
  });
  // Equal speeds are told apart by name, so that the same situation always gets the same answer.
  shares.sort((a, b) => a.shardMs - b.shardMs || (a.worker < b.worker ? -1 : 1));
  count(shards, shares);
  place(shards, shares, longestRun);
  return shares
    .filter(({ runs }) => runs.length > 0)
    .map(({ worker, runs }) => ({ worker, runs: runs.slice(0, maxRunsPerLease) }));
}

function count(shards: readonly number[], shares: readonly TimedShare[]): void {
  const kept = shares.map(({ parts }) => {
    return parts ? shards.filter((shard) => parts.has(shard)).length : shards.length;
  });
  const nextMs = ({ shardMs, count }: TimedShare, at: number): number =>
    shardMs * (count + 1 + (count < kept[at] ? 0 : costOfFetching));
  for (let open = shards.length; open > 0; open--) {
    let soonest = 0;
    let soonestMs = nextMs(shares[0], 0);
    for (let at = 1; at < shares.length; at++) {
      const ms = nextMs(shares[at], at);
      if (ms >= soonestMs) continue;
      soonest = at;
      soonestMs = ms;
    }
    shares[soonest].count++;
  }
}

/** Expected time of a candidate for a run. */
export function runMs(candidate: Candidate, run: ShardRun): number {
  const fetched = run.length - heldOf(candidate, run);
  return candidate.shardMs * (run.length + costOfFetching * fetched);
}
