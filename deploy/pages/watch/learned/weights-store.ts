// The network of the run and its weights, as new as somebody needs them.
import { signal } from '@preact/signals';
import type { RunConfig } from '../../../../shared/config.ts';
import { fileAddress, modelFile } from '../past/fetch-runs.ts';
import { isDashboard, view } from '../store.ts';
import type { Network, PastModel, Weights } from './network.ts';

export const network = signal<Network | undefined>(undefined);
export const weights = signal<Weights | undefined>(undefined);

/** Weights of 400,000 numbers are fetched in a tenth of a second: no need to do it at every stroke. */
const freshMs = 2000;

let opening: Promise<Network> | undefined;
let fetchedAt = Number.NEGATIVE_INFINITY;
let isFetching = false;

/** At first, and when those at hand are older than two seconds. */
export async function refreshWeights(config: RunConfig): Promise<void> {
  const now = performance.now();
  if (isDashboard.value && weights.value !== undefined) return;
  if (isFetching || now - fetchedAt < freshMs) return;
  isFetching = true;
  try {
    opening ??= import('./network.ts').then(({ openNetwork }) => openNetwork(config, pastModel()));
    const opened = await opening;
    const fetched = await opened.fetchWeights();
    if (fetched === undefined) return;
    fetchedAt = now;
    network.value = opened;
    weights.value = fetched;
  } finally {
    isFetching = false;
  }
}

function pastModel(): PastModel | undefined {
  const { run, progress } = view.value;
  if (!isDashboard.value || run === undefined) return undefined;
  return { address: fileAddress(run.run, modelFile), version: progress?.version ?? 0 };
}
