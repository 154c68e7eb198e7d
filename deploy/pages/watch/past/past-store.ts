// Which past runs there are, and which of them are drawn beside the one on screen.
import { computed, signal } from '@preact/signals';
import { cleanName } from '../../../../shared/names.ts';
import { Curves, mostPointsBeside } from '../curves.ts';
import { run, showPast } from '../store.ts';
import { addressWith, besideIn } from './address.ts';
import { fetchEvents, fetchRuns, type PastRun } from './fetch-runs.ts';

/** More would be told apart by nobody. */
export const mostCompared = 10;
/** Colours; as many runs more have the same, dashed. See ./past.css. */
export const colours = 5;

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
/** Chosen, and on their way: their places. */
export const coming = signal<ReadonlyMap<string, number>>(new Map());
export const isFull = computed(() => takenPlaces().length >= mostCompared);
/** Whether those of the address are drawn, or on their way. */
let isRestored = false;

export async function refreshRuns(): Promise<void> {
  pastRuns.value = await fetchRuns().catch(() => pastRuns.value ?? []);
  if (isRestored || pastRuns.value.length === 0) return;
  isRestored = true;
  await restore(pastRuns.value);
}

/** Those of the address that the page was opened with. */
async function restore(runs: readonly PastRun[]): Promise<void> {
  const wanted = besideIn(location.search).slice(0, mostCompared);
  const drawing = wanted.map(async (name, place) => {
    const past = runs.find(({ run }) => run === name);
    if (past !== undefined && wanted.indexOf(name) === place) await draw(past, place);
  });
  await Promise.all(drawing);
  const missing = wanted.find((name) => name !== '' && !runs.some(({ run }) => run === name));
  if (missing !== undefined) problem.value = `There is no run ${cleanName(missing, '?')} here.`;
}

/** Draws it, or no longer. */
export async function toggle(past: PastRun): Promise<void> {
  const { run: name } = past;
  const isChosen = takenPlaces().some(([other]) => other === name);
  if (isChosen) {
    placeOfComing(name);
    chosen.value = chosen.value.filter((each) => each.past.run !== name);
    return remember();
  }
  const taken = new Set(takenPlaces().map(([, place]) => place));
  const place = Array.from({ length: mostCompared }, (_, at) => at).find((at) => !taken.has(at));
  if (place === undefined) return;
  const drawing = draw(past, place);
  remember();
  await drawing;
}

async function draw(past: PastRun, free: number): Promise<void> {
  coming.value = new Map([...coming.value, [past.run, free]]);
  const curves = new Curves(mostPointsBeside);
  const isHere = await whole(async () => {
    for (const event of await fetchEvents(past.run)) curves.add(event);
  });
  const place = placeOfComing(past.run);
  // Unless somebody has changed their mind.
  if (place === undefined || !isHere) return;
  chosen.value = [...chosen.value, { past, place, curves }].sort((a, b) => a.place - b.place);
}

/** Of those that are drawn, and of those that will be. */
function takenPlaces(): readonly (readonly [name: string, place: number])[] {
  return [
    ...chosen.value.map(({ past, place }) => [past.run, place] as const),
    ...coming.value.entries(),
  ];
}

/** It no longer comes; undefined when it did not. */
function placeOfComing(name: string): number | undefined {
  const others = new Map(coming.value);
  const place = others.get(name);
  others.delete(name);
  coming.value = others;
  return place;
}

/** In the address. */
function remember(): void {
  const beside: string[] = [];
  for (const [name, place] of takenPlaces()) beside[place] = name;
  history.replaceState(null, '', addressWith({ beside: Array.from(beside, (name) => name ?? '') }));
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
