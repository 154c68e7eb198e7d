// The table at the end.
import { aligned } from '../aligned.ts';
import { median } from '../median.ts';
import type { Row } from './trial.ts';

export interface Outcome {
  readonly row: Row;
  readonly seed: number;
  readonly recoveriesMs: readonly number[];
  readonly error?: unknown;
}

export function table(outcomes: readonly Outcome[]): string {
  const rows = [...new Set(outcomes.map(({ row }) => row))];
  const lines = rows.map((row) => {
    const own = outcomes.filter((outcome) => outcome.row === row);
    const failed = own.filter(({ error }) => error !== undefined).length;
    const recoveries = own.flatMap(({ recoveriesMs }) => recoveriesMs);
    return [
      String(row.number),
      row.title,
      String(own.length),
      String(own.length - failed),
      String(failed),
      ...(recoveries.length > 0 ? [median(recoveries), Math.max(...recoveries)] : []).map(seconds),
    ];
  });
  const head = ['row', 'fault', 'seeds', 'passed', 'failed', 'median', 'max'];
  return aligned([head, ...lines]);
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(2)} s`;
}
