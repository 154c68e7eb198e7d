// What a page and the worker behind it say to each other.
import type { TabState } from './tab-state.ts';

export interface TabOptions {
  /** The coordinator: `http://host:7070`. */
  readonly url: string;
  /** That lets it in, where the coordinator asks for one. */
  readonly token?: string;
  /** `auto` or the name of an engine that browsers have. */
  readonly engine: string;
}

export type ToTab =
  /** First and once: look at the run, and wait. */
  | { readonly type: 'open'; readonly options: TabOptions }
  /** Compute, for the first time or after a pause. */
  | { readonly type: 'start'; readonly name: string }
  | { readonly type: 'pause' }
  | { readonly type: 'leave' }
  /** The page goes away, perhaps for good; `return` when it was kept and is seen again. */
  | { readonly type: 'hide' }
  | { readonly type: 'return' }
  /** The page learned that there is no network: connections need not find it out by waiting. */
  | { readonly type: 'offline' };

export interface FromTab {
  readonly type: 'state';
  readonly state: TabState;
}
