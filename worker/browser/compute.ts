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
    case 'hide':
      return tab?.hide();
    case 'return':
      return tab?.return();
    case 'offline':
      // Engine.io listens to this, and not every browser says it to workers, too. Of two connections it closes one
      // at a time: it takes each off the list while it goes through it.
      for (let connection = 0; connection < 2; connection++) dispatchEvent(new Event('offline'));
      return;
    default:
      data satisfies never;
  }
});
