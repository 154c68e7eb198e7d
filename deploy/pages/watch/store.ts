// All that the page knows, as signals. Events change it at once; what is drawn follows a few times a second.
import { batch, computed, signal } from '@preact/signals';
import type { RunEvent, RunEventOf } from '../../../shared/events.ts';
import { Meter } from '../../../shared/meter.ts';
import { emptyView, type RunView, reduceView } from '../../../shared/run-view.ts';
import { Curves } from './curves.ts';
import { trafficBetween, type WorkerTraffic } from './worker-traffic.ts';

export const view = signal<RunView>(emptyView);
/** Parts of it that seldom change: who shows no more than these is seldom drawn. */
export const run = computed(() => view.value.run);
export const epochs = computed(() => view.value.epochs);
export const rows = computed(() => view.value.rows);
/** By worker, between the last two times that their rows were told. */
export const workerTraffic = signal<ReadonlyMap<string, WorkerTraffic>>(new Map());
export const isOver = computed(() => view.value.end !== undefined);
/** Of the last step that was told of. */
export const learningRate = computed(() => view.value.progress?.learningRate);
/** By an administrator. */
export const isPaused = signal(false);
/** The last events that a person may want to read, the newest first. */
export const log = signal<readonly RunEvent[]>([]);
export const traffic = signal({ inPerSecond: 0, outPerSecond: 0 });
/** Rises when the curves have changed. */
export const curvesVersion = signal(0);
/** Since when nobody answers; undefined while somebody does. */
export const awaySince = signal<Date | undefined>(undefined);
/** Why the coordinator tells us nothing; undefined while it does. */
export const refusal = signal<string | undefined>(undefined);
/** Nobody trains here: what is shown are past runs. */
export const isDashboard = signal(false);
export const curves = new Curves();

const showEveryMs = 100;
const maxLogged = 1000;

let nextView = emptyView;
let nextLog: RunEvent[] = [];
let nextIsPaused = false;
let nextWorkerTraffic = workerTraffic.value;
let lastRows: RunEventOf<'workers'> | undefined;
let meters = newMeters();
let isShowing = false;

export function hear(event: RunEvent): void {
  if (event.type === 'run' && event.run !== nextView.run?.run) forget();
  nextView = reduceView(nextView, event);
  curves.add(event);
  if (event.type === 'step') meters.add(event.counters, Date.parse(event.time));
  if (event.type === 'run') meters = newMeters();
  nextIsPaused = isPausedAfter(event, nextIsPaused);
  if (event.type === 'workers') {
    nextWorkerTraffic = trafficBetween(lastRows, event);
    lastRows = event;
  }
  if (event.type !== 'step' && event.type !== 'workers') nextLog.unshift(event);
  if (isShowing) return;
  isShowing = true;
  setTimeout(show, showEveryMs);
}

/** Who starts a coordinator again wants it to go on. */
function isPausedAfter(event: RunEvent, before: boolean): boolean {
  if (event.type === 'run') return false;
  if (event.type !== 'control') return before;
  return event.kind === 'pause' || (before && event.kind !== 'resume');
}

/** All events of another run, at once. */
export function showPast(events: readonly RunEvent[]): void {
  forget();
  for (const event of events) hear(event);
}

/** Another run has taken the place of the one that was shown. */
function forget(): void {
  nextView = emptyView;
  nextLog = [];
  lastRows = undefined;
}

function show(): void {
  isShowing = false;
  nextLog.length = Math.min(nextLog.length, maxLogged);
  batch(() => {
    view.value = nextView;
    workerTraffic.value = nextWorkerTraffic;
    isPaused.value = nextIsPaused;
    if (nextLog[0] !== log.value[0]) log.value = [...nextLog];
    traffic.value = meters.perSecond();
    curvesVersion.value++;
  });
}

/** By the times of the events: what is heard late, all at once, was not said all at once. */
function newMeters() {
  const [inward, outward] = [new Meter(), new Meter()];
  let before: { readonly bytesIn: number; readonly bytesOut: number } | undefined;
  let latest = 0;
  return {
    add: (counters: { readonly bytesIn: number; readonly bytesOut: number }, at: number): void => {
      const { bytesIn, bytesOut } = before ?? counters;
      inward.add(counters.bytesIn - bytesIn, at);
      outward.add(counters.bytesOut - bytesOut, at);
      before = counters;
      latest = at;
    },
    perSecond: () => ({
      inPerSecond: inward.perSecond(latest),
      outPerSecond: outward.perSecond(latest),
    }),
  };
}
