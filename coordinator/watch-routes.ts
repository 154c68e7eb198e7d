// Everything that watchers, monitors and supervisors of processes may ask over HTTP.
import type { EventLog } from './event-log.ts';
import { eventStreamRoute } from './event-stream.ts';
import { livenessRoute, readinessRoute } from './health-routes.ts';
import type { Limits } from './limits.ts';
import { prometheusRoute } from './prometheus.ts';
import type { Route } from './routes.ts';
import { followRun, statusRoute } from './status.ts';

export function watchRoutes(log: EventLog, limits: Limits): Route[] {
  const view = followRun(log);
  return [
    livenessRoute,
    readinessRoute(view),
    statusRoute(view),
    prometheusRoute(view),
    eventStreamRoute(log, limits),
  ];
}
