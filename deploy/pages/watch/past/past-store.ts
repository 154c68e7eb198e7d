// Which past runs there are, and which of them are drawn beside the one on screen.
import { computed, signal } from '@preact/signals';
import { Curves } from '../curves.ts';
import { run, showPast } from '../store.ts';
import { fetchEvents, fetchRuns, type PastRun } from './fetch-runs.ts';

/** More would be told apart by nobody. */
export const mostCompared = 10;
/** Colours; as many runs more have the same, dashed. See ./past.css. */
export const colours = 5;
/** Points of a curve beside others: as many as a chart has pixels. */
const maxPoints = 1500;

export interface Compared {
  readonly past: PastRun;
  /** From 0: decides how it is drawn, and stays when others go. */
  readonly place: number;
  readonly curves: Curves;
}

export const pastRuns = signal<readonly PastRun[] | undefined>(undefined);
/** In the order of their places. */
const chosen = signal<readonly Compared[]>([]);
/** Without the one on screen, which is drawn anyway. */
export const compared = computed(() =>
  chosen.value.filter(({ past }) => past.run !== run.value?.run),
);
/** What could not be had. */
export const problem = signal<string | undefined>(undefined);
/** Chosen, and on their way. */
export const coming = signal<ReadonlySet<string>>(new Set());

export async function refreshRuns(): Promise<void> {
  pastRuns.value = await fetchRuns().catch(() => pastRuns.value ?? []);
}

/** Draws it, or no longer. */
export async function toggle(past: PastRun): Promise<void> {
  const isMeant = (each: Compared): boolean => each.past.run === past.run;
  if (isNoLongerComing(past.run)) return;
  if (chosen.value.some(isMeant)) {
    chosen.value = chosen.value.filter((each) => !isMeant(each));
    return;
  }
  coming.value = new Set([...coming.value, past.run]);
  const curves = new Curves(maxPoints);
  const isHere = await whole(async () => {
    for (const event of await fetchEvents(past.run)) curves.add(event);
  });
  // Unless somebody has changed their mind.
  if (!isNoLongerComing(past.run) || !isHere || chosen.value.length >= mostCompared) return;
  const taken = new Set(chosen.value.map(({ place }) => place));
  const place = Array.from({ length: mostCompared }, (_, at) => at).find((at) => !taken.has(at))!;
  chosen.value = [...chosen.value, { past, place, curves }].sort((a, b) => a.place - b.place);
}

/** False when it was not coming. */
function isNoLongerComing(name: string): boolean {
  const others = new Set(coming.value);
  const wasComing = others.delete(name);
  coming.value = others;
  return wasComing;
}

/** Puts it on screen, in the place of whichever is there. */
export async function open(name: string): Promise<void> {
  await whole(async () => showPast(await fetchEvents(name)));
}

async function whole(work: () => Promise<void>): Promise<boolean> {
  problem.value = undefined;
  try {
    await work();
    return true;
  } catch (error) {
    problem.value = `The run cannot be had: ${error instanceof Error ? error.message : error}`;
    return false;
  }
}
