// The page's side of a worker in a tab, and what `import ... from 'tutti/browser'` brings: put one into any page.
/// <reference path="./bundler.d.ts" />
import computeUrl from './compute.ts?worker&url';
import type { FromTab, TabOptions, ToTab } from './messages.ts';
import type { TabState } from './tab-state.ts';

export type { TabEnding, TabPhase, TabState } from './tab-state.ts';

export interface OpenOptions extends Partial<TabOptions> {
  /** Told of every change, a few times a second. */
  readonly onState?: (state: TabState) => void;
}

export interface JoinOptions extends OpenOptions {
  /** How others see it. */
  readonly name?: string;
}

export interface TabHandle {
  /** Computes, for the first time or after a pause. */
  start(name: string): void;
  /** Hands its work back, and stays to look on. */
  pause(): void;
  /** For good. */
  leave(): void;
}

/** Looks at the run and computes nothing until it is started. The coordinator is where this module came from, unless told. */
export function openRun(options: OpenOptions = {}): TabHandle {
  const { url = new URL(import.meta.url).origin, token, engine = 'auto', onState } = options;
  const compute = startWorker();
  const tell = (message: ToTab): void => compute.postMessage(message);
  compute.addEventListener('message', ({ data }: MessageEvent<FromTab>) => onState?.(data.state));
  tell({ type: 'open', options: { url, token, engine } });
  addEventListener('offline', () => tell({ type: 'offline' }));
  // Said while there is time: whoever waits for this device need not find out.
  addEventListener('pagehide', () => tell({ type: 'hide' }));
  addEventListener('pageshow', () => tell({ type: 'return' }));
  return {
    start: (name) => tell({ type: 'start', name }),
    pause: () => tell({ type: 'pause' }),
    leave: () => tell({ type: 'leave' }),
  };
}

/** Takes part in the run at once. */
export function joinRun({ name = 'a page', ...options }: JoinOptions = {}): TabHandle {
  const run = openRun(options);
  run.start(name);
  return run;
}

/** Browsers start workers from the page's own site alone, but let those import modules from elsewhere. */
function startWorker(): Worker {
  const options = { type: 'module', name: 'tutti' } as const;
  const { href, origin } = new URL(computeUrl, import.meta.url);
  if (origin === location.origin) return new Worker(href, options);
  const importing = new Blob([`import ${JSON.stringify(href)};`], { type: 'text/javascript' });
  return new Worker(URL.createObjectURL(importing), options);
}
