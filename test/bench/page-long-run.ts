// A page that was left open for most of an hour, in a minute: the coordinator's own log, event stream and pages, and
// steps that are told of as fast as the page takes them.
import { EventLog } from '../../coordinator/event-log.ts';
import { openGate } from '../../coordinator/gate.ts';
import { defaultLimits } from '../../coordinator/limits.ts';
import { pageRoute } from '../../coordinator/pages.ts';
import { startServer } from '../../coordinator/server.ts';
import { watchRoutes } from '../../coordinator/watch-routes.ts';
import { openPages } from '../../deploy/pages/built.ts';
import type { RunEvent } from '../../shared/events.ts';
import type { TestScope } from '../support.ts';
import { url as nowhere, run } from '../terminal-events.ts';
import { newSteps, withEpochs } from './page-history.ts';
import type { ProbedPage } from './page-probe.ts';

export interface LongRun {
  readonly url: string;
  /** To the page, which keeps them all; then four a second, as a run that trains. */
  tellAll(page: ProbedPage): Promise<void>;
}

/** As many as the page promises to move along; it has room for more, so that it throws none away meanwhile. */
export const pointsOfItsOwn = 10_000;
/** Less than a newcomer gets whole: a page that is behind misses nothing. */
const atOnce = 500;

export async function openLongRun(t: TestScope): Promise<LongRun> {
  const log = new EventLog({ lastSeq: 0 });
  const tell = ({ seq: _, time: __, ...facts }: RunEvent) => log.add(facts);
  tell({ ...run, config: { ...run.config, epochs: 100 }, totalSteps: 100 * run.stepsPerEpoch });
  const server = await startServer({
    host: '127.0.0.1',
    port: 0,
    maxPayloadBytes: 0,
    routes: [...watchRoutes(log, defaultLimits), pageRoute(openPages(() => undefined))],
    gate: openGate,
    limits: defaultLimits,
    onRefused: () => undefined,
  });
  t.onTestFinished(() => server.close());
  const events = withEpochs(newSteps(2 * pointsOfItsOwn, nowhere));
  /** Up to the next step, whose version this is. */
  const next = (): number => {
    for (;;) {
      const event = events.next().value;
      tell(event);
      if (event.type === 'step') return event.version;
    }
  };
  return {
    url: `http://127.0.0.1:${server.port}`,
    tellAll: async (page) => {
      for (let told = 0; told < pointsOfItsOwn; ) {
        let version = 0;
        for (let count = 0; count < atOnce && told < pointsOfItsOwn; count++, told++) {
          version = next();
        }
        await page.until(`document.querySelector('progress.whole')?.value >= ${version}`);
      }
      const timer = setInterval(next, 250);
      t.onTestFinished(async () => clearInterval(timer));
    },
  };
}
