// The entry of /: follows the run's events and draws what they tell.
import { render } from 'preact';
import { followEvents } from './connection.ts';
import { open } from './past/past-store.ts';
import { awaySince, hear, isDashboard, refusal } from './store.ts';
import { WatchPage } from './watch-page.tsx';

render(<WatchPage />, document.body);
void followEvents({
  onEvent: hear,
  onAway: () => {
    awaySince.value ??= new Date();
  },
  onBack: () => {
    awaySince.value = undefined;
  },
  onRefused: (why) => {
    refusal.value = why;
  },
  onNone: () => {
    isDashboard.value = true;
    const wanted = new URLSearchParams(location.search).get('run');
    if (wanted !== null) void open(wanted);
  },
});
