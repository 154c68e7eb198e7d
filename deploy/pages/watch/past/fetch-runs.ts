// Past runs as the coordinator, or a dashboard, tells of them.
import * as v from 'valibot';
import type { RunConfig } from '../../../../shared/config.ts';
import { type RunEvent, runEventSchema } from '../../../../shared/events.ts';
import { ask, hasToken } from '../api.ts';

export interface PastRun {
  readonly run: string;
  /** ISO 8601. */
  readonly created: string;
  readonly state: 'finished' | 'unfinished';
  /** Whole ones. */
  readonly epochs: number;
  readonly bestAccuracy?: number;
  readonly config: RunConfig;
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
}

/** Newest first. None where nobody tells of any. */
export async function fetchRuns(): Promise<readonly PastRun[]> {
  const response = await ask('api/v1/runs', { cache: 'no-store' });
  if (!response.ok) return [];
  const { runs }: { readonly runs: readonly PastRun[] } = await response.json();
  return runs;
}

/** In order, thinned out as for any newcomer. Rejects when there are none to be had. */
export async function fetchEvents(run: string): Promise<RunEvent[]> {
  const response = await ask(`api/v1/runs/${encodeURIComponent(run)}/events`);
  if (!response.ok) throw new Error(await response.text());
  const lines = (await response.text()).split('\n').filter((line) => line !== '');
  return lines.flatMap((line) => {
    const parsed = v.safeParse(runEventSchema, JSON.parse(line));
    return parsed.success ? [parsed.output] : [];
  });
}

/** The state dict that a run ended with. */
export const modelFile = 'model.safetensors';

export function fileAddress(run: string, name: string): string {
  return `api/v1/runs/${encodeURIComponent(run)}/files/${name}`;
}

/** A link shows no token: where one is needed, the page fetches the file and hands it on. */
export async function saveFile(event: MouseEvent, run: string, name: string): Promise<void> {
  if (!hasToken) return;
  event.preventDefault();
  const response = await ask(fileAddress(run, name));
  if (!response.ok) return;
  const href = URL.createObjectURL(await response.blob());
  const link = Object.assign(document.createElement('a'), { href, download: `${run}-${name}` });
  link.click();
  URL.revokeObjectURL(href);
}
