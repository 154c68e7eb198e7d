// The events that a run left on disk.
import { open } from 'node:fs/promises';
import * as v from 'valibot';
import { type RunEvent, runEventSchema } from '../shared/events.ts';
import { type LogRecord, parseLine } from './append-log.ts';
import { unlessAbsent } from './disk.ts';

type EventType = RunEvent['type'];

/** Without those that this version of tutti does not know. */
export async function readEvents(path: string): Promise<RunEvent[]> {
  const events: RunEvent[] = [];
  for await (const event of streamEvents(path)) events.push(event);
  return events;
}

/**
 * The same one after the other, in little memory: a coordinator can do something else meanwhile. Lines of other types
 * than these cost next to nothing. None where there is no file.
 */
export async function* streamEvents(
  path: string,
  types?: ReadonlySet<EventType>,
): AsyncGenerator<RunEvent> {
  const file = await unlessAbsent(open(path));
  if (file === undefined) return;
  try {
    for await (const line of file.readLines()) {
      const [, type] = /"type":"(\w+)"/.exec(line) ?? [];
      if (types !== undefined && !types.has(type as EventType)) continue;
      yield* parseEvents(parseLine(line));
    }
  } finally {
    await file.close();
  }
}

export function parseEvents(lines: readonly LogRecord[]): RunEvent[] {
  return lines.flatMap((line) => {
    const parsed = v.safeParse(runEventSchema, line);
    return parsed.success ? [parsed.output] : [];
  });
}

/** The highest number that a worker of the run ever had: whoever comes next must not be taken for it. */
export function lastWorkerOf(events: readonly RunEvent[]): number {
  return events.reduce((highest, event) => {
    const [, number] = (event.type === 'worker' && /^w(\d+)$/.exec(event.worker)) || [];
    return Math.max(highest, Number(number ?? 0));
  }, 0);
}
