// The named cause of every wait, for people.
import type { WaitingCause } from './core-types.ts';

/** Empty while nothing waits. */
export function waitingText(waiting: WaitingCause, expectWorkers: number): string {
  switch (waiting.cause) {
    case 'none':
      return '';
    case 'workers': {
      const preparing = waiting.preparing > 0 ? `, ${waiting.preparing} getting ready` : '';
      const silent = waiting.silent > 0 ? `, ${waiting.silent} silent` : '';
      return `waiting for workers (0 of ${expectWorkers}${preparing}${silent})`;
    }
    case 'shard': {
      const heldSeconds = (waiting.heldMs / 1000).toFixed(1);
      return `waiting for shard ${waiting.shard} held by "${waiting.holder}" for ${heldSeconds} s`;
    }
    case 'checkpoint':
      return 'writing a checkpoint';
    case 'evaluation':
      return 'evaluating';
    case 'paused':
      return `paused by ${waiting.by}`;
    default:
      return waiting satisfies never;
  }
}
