// All that a page shows of its worker, as one value.
import type { RunView } from '../../shared/run-view.ts';
import type { CurvePoint } from './curve.ts';

export interface TabState {
  readonly phase: TabPhase;
  readonly run: RunView;
  readonly curve: readonly CurvePoint[];
  /** What was chosen to compute with, and why. */
  readonly engine?: { readonly label: string; readonly story: string };
  /** Its own, over the last seconds. */
  readonly samplesPerSecond: number;
  /** Computed by this tab so far. */
  readonly samples: number;
  /** Its part of what was committed in the epoch, from 0 to 1; absent until something was. */
  readonly share?: { readonly epoch: number; readonly fraction: number };
}

export type TabPhase =
  | { readonly kind: 'connecting' }
  /** Nobody answers; it tries again until somebody does. */
  | { readonly kind: 'away' }
  /** The run is known, and nothing is computed yet. */
  | { readonly kind: 'offered' }
  | { readonly kind: 'joining' }
  | { readonly kind: 'proving' }
  | { readonly kind: 'training' }
  | { readonly kind: 'spare' }
  | { readonly kind: 'paused' }
  | { readonly kind: 'over'; readonly ending: TabEnding };

export type TabEnding =
  /** `reason` as in the event `end`. */
  | { readonly kind: 'finished'; readonly reason: string }
  | { readonly kind: 'left' }
  /** By the coordinator: `detail` is for people. */
  | { readonly kind: 'refused'; readonly reason: string; readonly detail: string }
  /** This page is older or newer than its coordinator. */
  | { readonly kind: 'outdated' }
  | { readonly kind: 'failed'; readonly detail: string };
