import type { HistoryFormat, RunHistory } from '../contracts.ts';
import { utf8Bytes } from '../utf8.ts';

/** Every event, as `--json` prints them. */
export const ndjson = {
  title: 'events as JSON lines',
  suffix: '.ndjson',
  encode: ({ events }: RunHistory) =>
    utf8Bytes(events.map((event) => `${JSON.stringify(event)}\n`).join('')),
} satisfies HistoryFormat;
