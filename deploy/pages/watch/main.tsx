// The entry of /: follows the run's events and draws what they tell.
import { render } from 'preact';
import { followEvents } from './connection.ts';
import { awaySince, hear, refusal } from './store.ts';
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
});
