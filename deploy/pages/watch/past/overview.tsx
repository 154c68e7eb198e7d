// Where no run is on screen: all that there are, and the curves of those that are chosen.
import { Charts } from '../charts/charts.tsx';
import { PastRuns } from './past-runs.tsx';
import { compared } from './past-store.ts';

export function Overview() {
  return (
    <>
      <header>
        <div class="title">
          <h1>tutti</h1>
        </div>
      </header>
      <main class="overview">
        {compared.value.length > 0 && <Charts />}
        <PastRuns />
      </main>
    </>
  );
}
