// The entry of /: follows the run's events and draws what they tell.
import { render } from 'preact';
import { followEvents } from './connection.ts';
import { awaySince, hear } from './store.ts';
import { WatchPage } from './watch-page.tsx';

render(<WatchPage />, document.body);
followEvents({
  onEvent: hear,
  onAway: () => {
    awaySince.value ??= new Date();
  },
  onBack: () => {
    awaySince.value = undefined;
  },
});
