// A server of past runs: the pages, and what they ask of the folder. Nobody trains here.
import { watchNamespace, workNamespace } from '../shared/protocol.ts';
import type { Gate } from './gate.ts';
import { livenessRoute } from './health-routes.ts';
import type { Limits } from './limits.ts';
import type { TlsIdentity } from './open-port.ts';
import { ownUrls, type Reached } from './own-url.ts';
import { type Pages, pageRoute } from './pages.ts';
import { pastRunRoutes } from './past-runs.ts';
import type { Route } from './routes.ts';
import { type EdgeServer, startServer } from './server.ts';

export interface DashboardOptions extends Reached {
  /** Folder of all runs. */
  readonly runs: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly tls?: TlsIdentity;
  readonly gate: Gate;
  readonly limits: Limits;
  readonly pages: Promise<Pages>;
  /** Somebody at this address did not even get a connection. */
  readonly onRefused: (address: string, why: string) => void;
}

export interface Dashboard extends Pick<EdgeServer, 'close'> {
  /** For everybody else. */
  readonly url: string;
}

/** Resolves when it listens; rejects with the system's error when it cannot. */
export async function startDashboard(options: DashboardOptions): Promise<Dashboard> {
  const server = await startServer({
    ...options,
    maxPayloadBytes: 0,
    routes: [
      livenessRoute,
      noEventsRoute,
      ...pastRunRoutes(options.runs, 'watch'),
      pageRoute(options.pages),
    ],
  });
  for (const namespace of [workNamespace, watchNamespace]) {
    server.io
      .of(namespace)
      .use((_, next) => next(Object.assign(new Error(noRun), { data: { reason: 'dashboard' } })));
  }
  return { url: ownUrls(options, server.port).url, close: server.close };
}

const noRun = 'this is the dashboard of past runs, where none is trained';

/** Tells the page, as it tells an EventSource, that no events will come. */
const noEventsRoute: Route = {
  path: '/api/v1/events',
  door: 'watch',
  answer: ({ response }) => void response.writeHead(204).end(),
};
