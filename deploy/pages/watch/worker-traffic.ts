// How many bytes a second each worker sends and receives: told are totals, once a second.
import type { RunEventOf } from '../../../shared/events.ts';

/** In bytes, as the worker sees it. */
export interface WorkerTraffic {
  readonly sentPerSecond: number;
  readonly receivedPerSecond: number;
}

/** By worker; one that came since has none yet. */
export function trafficBetween(
  before: RunEventOf<'workers'> | undefined,
  after: RunEventOf<'workers'>,
): ReadonlyMap<string, WorkerTraffic> {
  const seconds = before ? (Date.parse(after.time) - Date.parse(before.time)) / 1000 : 0;
  if (before === undefined || seconds <= 0) return new Map();
  const known = new Map(before.rows.map((row) => [row.worker, row]));
  return new Map(
    after.rows.flatMap(({ worker, bytesIn, bytesOut }) => {
      const past = known.get(worker);
      if (past === undefined) return [];
      const sentPerSecond = (bytesIn - past.bytesIn) / seconds;
      return [[worker, { sentPerSecond, receivedPerSecond: (bytesOut - past.bytesOut) / seconds }]];
    }),
  );
}
