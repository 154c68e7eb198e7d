// The events that a run left on disk.
import * as v from 'valibot';
import { type RunEvent, runEventSchema } from '../shared/events.ts';
import { type LogRecord, readLog } from './append-log.ts';

export async function readEvents(path: string): Promise<RunEvent[]> {
  return parseEvents(await readLog(path));
}

/** Without those that this version of tutti does not know. */
export function parseEvents(lines: readonly LogRecord[]): RunEvent[] {
  return lines.flatMap((line) => {
    const parsed = v.safeParse(runEventSchema, line);
    return parsed.success ? [parsed.output] : [];
  });
}
