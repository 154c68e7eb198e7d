// The entry of the Web Worker: sockets, heartbeat and arithmetic, away from the page, which stays free to be looked at.
import type { FromTab, ToTab } from './messages.ts';
import { Tab } from './tab.ts';

let tab: Tab | undefined;

addEventListener('message', ({ data }: MessageEvent<ToTab>) => {
  switch (data.type) {
    case 'open':
      tab = new Tab(data.options, (state) =>
        postMessage({ type: 'state', state } satisfies FromTab),
      );
      return;
    case 'start':
      return tab?.start(data.name);
    case 'pause':
      return tab?.pause();
    case 'leave':
      return tab?.leave();
    default:
      data satisfies never;
  }
});
