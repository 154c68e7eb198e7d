// The whole page: the parts in their places, and what is said when nobody answers.

import { Charts } from './charts/charts.tsx';
import { Controls } from './controls.tsx';
import { EventLog } from './event-log.tsx';
import { clockText } from './format.ts';
import { Guarantee } from './guarantee.tsx';
import { Headline } from './headline.tsx';
import { JoinCard } from './join-card.tsx';
import { Learned } from './learned/learned.tsx';
import { Overview } from './past/overview.tsx';
import { PastRuns } from './past/past-runs.tsx';
import { awaySince, run as currentRun, isDashboard, isOver, refusal } from './store.ts';
import { WorkersTable } from './workers-table.tsx';

export function WatchPage() {
  const run = currentRun.value;
  // After the end a coordinator goes when it likes.
  const away = isOver.value ? undefined : awaySince.value;
  return (
    <>
      <div class="banner" role="status">
        {away !== undefined && (
          <p>
            <strong>Connection lost.</strong> What you see is of {clockText(away)}; trying again.
          </p>
        )}
      </div>
      <div class={away === undefined ? 'page' : 'page stale'}>
        {run !== undefined ? (
          <>
            <Headline run={run} />
            <main>
              {!isDashboard.value && <Controls />}
              <Charts />
              <div class="side">
                <Guarantee run={run} />
                {!isDashboard.value && <JoinCard />}
              </div>
              <WorkersTable />
              <Learned run={run} />
              <PastRuns />
              <EventLog />
            </main>
          </>
        ) : isDashboard.value ? (
          <Overview />
        ) : (
          <main class="empty">
            <h1>tutti</h1>
            <p>
              {refusal.value === undefined
                ? 'Looking for the run.'
                : `${refusal.value} Ask whoever runs the training for a link.`}
            </p>
          </main>
        )}
      </div>
    </>
  );
}
