// What a watcher knows of a run: the fold of its events, the same on terminals, on pages and for monitors.
import type { RunEvent, RunEventOf, WorkerRow } from './events.ts';
import type { WorkerKind } from './protocol.ts';

export interface WorkerView {
  readonly name: string;
  readonly kind?: WorkerKind;
  readonly engine?: string;
  readonly state: 'joined' | 'ready' | 'standby' | 'late';
}

export type StepPoint = Pick<RunEventOf<'step'>, 'version' | 'loss' | 'accuracy'>;

export interface RunView {
  readonly run?: RunEventOf<'run'>;
  /** The last step that was reported; absent until there is one. */
  readonly progress?: RunEventOf<'step'>;
  /** Of all connections, from one report to the next. */
  readonly traffic?: { readonly inPerSecond: number; readonly outPerSecond: number };
  /** Those that are here, by id. */
  readonly workers: ReadonlyMap<string, WorkerView>;
  /** What they do, as told last; whoever came since has no row yet. */
  readonly rows: readonly WorkerRow[];
  /** How many of them the coordinator counts as ready. */
  readonly readyWorkers: number;
  /** Why the run stands still; absent while it moves. */
  readonly waitingText?: string;
  /** Evaluated ones, in order. */
  readonly epochs: readonly RunEventOf<'epoch'>[];
  /** Those that were reported, in order: points of the training curves. */
  readonly steps: readonly StepPoint[];
  /** What they came to so far, where answers are computed again. */
  readonly audits?: RunEventOf<'audits'>;
  readonly end?: RunEventOf<'end'>;
}

export const emptyView: RunView = {
  workers: new Map(),
  rows: [],
  readyWorkers: 0,
  epochs: [],
  steps: [],
};

export function reduceView(view: RunView, event: RunEvent): RunView {
  switch (event.type) {
    case 'run':
      return startAgain(view, event);
    case 'worker':
      return { ...view, workers: reduceWorkers(view, event), readyWorkers: event.workers };
    case 'step':
      return {
        ...view,
        progress: event,
        traffic: trafficBetween(view.progress, event),
        readyWorkers: event.workers,
        steps: [...thinned(view.steps), pointOf(event)],
      };
    case 'workers':
      return { ...view, rows: event.rows };
    case 'waiting':
      return { ...view, waitingText: event.cause === 'none' ? undefined : event.text };
    case 'epoch':
      return { ...view, epochs: [...view.epochs, event] };
    case 'audits':
      return { ...view, audits: event };
    case 'end':
      return { ...view, waitingText: undefined, end: event };
    case 'checkpoint':
    case 'control':
    case 'notice':
      return view;
    default:
      event satisfies never;
      return view;
  }
}

/** A restarted coordinator hears of its workers again, each with an event of its own; what it lost is undone. */
function startAgain({ epochs, steps }: RunView, run: RunEventOf<'run'>): RunView {
  const isKept = ({ version }: { readonly version: number }) => version <= run.fromVersion;
  return { ...emptyView, run, epochs: epochs.filter(isKept), steps: steps.filter(isKept) };
}

/** In bytes. */
function trafficBetween(
  before: RunEventOf<'step'> | undefined,
  { time, counters }: RunEventOf<'step'>,
): RunView['traffic'] {
  if (before === undefined) return undefined;
  const seconds = (Date.parse(time) - Date.parse(before.time)) / 1000;
  if (seconds <= 0) return undefined;
  return {
    inPerSecond: (counters.bytesIn - before.counters.bytesIn) / seconds,
    outPerSecond: (counters.bytesOut - before.counters.bytesOut) / seconds,
  };
}

/** More points than a terminal has columns, and a bounded number of them. */
const maxPoints = 2000;

function thinned(steps: RunView['steps']): RunView['steps'] {
  return steps.length < maxPoints ? steps : steps.filter((_, at) => at % 2 === 0);
}

function pointOf({ version, loss, accuracy }: RunEventOf<'step'>): StepPoint {
  return { version, loss, accuracy };
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
