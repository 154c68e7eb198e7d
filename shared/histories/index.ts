// The registry of formats for the history of a run: a new one is a file here and a line below.
import type { HistoryFormat } from '../contracts.ts';
import { csv } from './csv.ts';
import { ndjson } from './ndjson.ts';
import { tensorboard } from './tensorboard.ts';

export const historyFormats = {
  csv,
  ndjson,
  tensorboard,
} satisfies Record<string, HistoryFormat>;

export type HistoryFormatName = keyof typeof historyFormats;
export const historyFormatNames = Object.keys(historyFormats) as HistoryFormatName[];
