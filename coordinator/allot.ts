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

/** In time that grows as n log n: as many shards are dealt as there are workers, at every step. */
function count(shards: readonly number[], shares: readonly TimedShare[]): void {
  const kept = shares.map(({ parts }) => {
    return parts ? shards.filter((shard) => parts.has(shard)).length : shards.length;
  });
  const nextMs = (at: number): number => {
    const { shardMs, count } = shares[at];
    return shardMs * (count + 1 + (count < kept[at] ? 0 : costOfFetching));
  };
  // A heap: whoever would finish one more shard first is on top, of several the first of them.
  const heap = shares.map((_, at) => ({ at, ms: nextMs(at) }));
  const isBefore = (one: number, other: number): boolean =>
    heap[one].ms < heap[other].ms ||
    (heap[one].ms === heap[other].ms && heap[one].at < heap[other].at);
  const sink = (from: number): void => {
    for (let place = from; ; ) {
      const [left, right] = [2 * place + 1, 2 * place + 2];
      let first = place;
      if (left < heap.length && isBefore(left, first)) first = left;
      if (right < heap.length && isBefore(right, first)) first = right;
      if (first === place) return;
      [heap[place], heap[first]] = [heap[first], heap[place]];
      place = first;
    }
  };
  for (let place = heap.length >> 1; place >= 0; place--) sink(place);
  for (let open = shards.length; open > 0; open--) {
    const [soonest] = heap;
    shares[soonest.at].count++;
    soonest.ms = nextMs(soonest.at);
    sink(0);
  }
}

/** Expected time of a candidate for a run. */
export function runMs(candidate: Candidate, run: ShardRun): number {
  const fetched = run.length - heldOf(candidate, run);
  return candidate.shardMs * (run.length + costOfFetching * fetched);
}
