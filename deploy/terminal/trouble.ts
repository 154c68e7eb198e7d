// What somebody should look into.
import type { RunEvent } from '../../shared/events.ts';

/** Workers that come and go are no trouble: a run is made for that. */
export function isTrouble(event: RunEvent): boolean {
  switch (event.type) {
    case 'notice':
      return event.level === 'warning';
    case 'checkpoint':
      return event.error !== undefined;
    case 'end':
      return event.reason === 'diverged' || event.reason === 'failed';
    default:
      return false;
  }
}
