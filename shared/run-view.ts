// What a watcher knows of a run: the fold of its events, the same on terminals and on pages.
import type { RunEvent, RunEventOf } from './events.ts';
import type { WorkerKind } from './protocol.ts';

export interface WorkerView {
  readonly name: string;
  readonly kind?: WorkerKind;
  readonly engine?: string;
  readonly state: 'joined' | 'ready' | 'standby' | 'late';
}

export interface RunView {
  readonly run?: RunEventOf<'run'>;
  /** The last step that was reported; absent until there is one. */
  readonly progress?: RunEventOf<'step'>;
  /** Those that are here, by id. */
  readonly workers: ReadonlyMap<string, WorkerView>;
  /** How many of them the coordinator counts as ready. */
  readonly readyWorkers: number;
  /** Why the run stands still; absent while it moves. */
  readonly waitingText?: string;
  readonly lastEpoch?: RunEventOf<'epoch'>;
  readonly end?: RunEventOf<'end'>;
}

export const emptyView: RunView = { workers: new Map(), readyWorkers: 0 };

export function reduceView(view: RunView, event: RunEvent): RunView {
  switch (event.type) {
    case 'run':
      // A restarted coordinator hears of its workers again, each with an event of its own.
      return { ...emptyView, run: event };
    case 'worker':
      return { ...view, workers: reduceWorkers(view, event), readyWorkers: event.workers };
    case 'step':
      return { ...view, progress: event, readyWorkers: event.workers };
    case 'waiting':
      return { ...view, waitingText: event.cause === 'none' ? undefined : event.text };
    case 'epoch':
      return { ...view, lastEpoch: event };
    case 'end':
      return { ...view, waitingText: undefined, end: event };
    case 'checkpoint':
    case 'notice':
      return view;
    default:
      event satisfies never;
      return view;
  }
}

function reduceWorkers(view: RunView, event: RunEventOf<'worker'>): RunView['workers'] {
  const workers = new Map(view.workers);
  const { action, name, kind } = event;
  if (action === 'left' || action === 'expelled' || action === 'rejected') {
    workers.delete(event.worker);
  } else {
    const engine = event.engine ?? workers.get(event.worker)?.engine;
    workers.set(event.worker, { name, kind, engine, state: action });
  }
  return workers;
}

/** Where the run is now: where it resumed until a first step is reported. */
export function position(view: RunView): { epoch: number; step: number; stepsPerEpoch: number } {
  if (view.progress) return view.progress;
  const { fromVersion = 0, stepsPerEpoch = 1 } = view.run ?? {};
  const epoch = Math.max(1, Math.ceil(fromVersion / stepsPerEpoch));
  return { epoch, step: fromVersion - (epoch - 1) * stepsPerEpoch, stepsPerEpoch };
}
