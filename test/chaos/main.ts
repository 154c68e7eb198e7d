// npm run chaos [-- --rows 1,4 --seeds 20 --seed N]: prints as it goes, then a table; exits with 1 when a promise was broken.
import { parseArgs } from 'node:util';
import { inScope } from '../support.ts';
import { type Outcome, table } from './report.ts';
import { rows } from './rows/index.ts';
import { newTrial, type Row } from './trial.ts';

const { values } = parseArgs({
  options: {
    rows: { type: 'string' },
    /** How many, from 1. */
    seeds: { type: 'string', default: '1' },
    /** That one alone. */
    seed: { type: 'string' },
  },
});

const wanted = values.rows?.split(',').map(Number);
const seeds =
  values.seed === undefined
    ? Array.from({ length: Number(values.seeds) }, (_, index) => index + 1)
    : [Number(values.seed)];

const outcomes: Outcome[] = [];
for (const row of rows.filter(({ number }) => wanted?.includes(number) ?? true)) {
  for (const seed of seeds) outcomes.push(await attempt(row, seed));
}
console.log(`\n${table(outcomes)}`);
const failed = outcomes.filter(({ error }) => error !== undefined);
for (const { row, seed } of failed) {
  console.log(`again: npm run chaos -- --rows ${row.number} --seed ${seed}`);
}
process.exit(failed.length > 0 ? 1 : 0);

async function attempt(row: Row, seed: number): Promise<Outcome> {
  console.log(`row ${row.number}, seed ${seed}: ${row.title}`);
  const startedAt = performance.now();
  const tell = (line: string): void => console.log(`  ${line}`);
  try {
    const recoveriesMs = await inScope((t) => row.play(newTrial(row, { t, seed, tell })));
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    tell(`passed in ${seconds} s; recoveries: ${recoveriesMs.map(Math.round).join(', ')} ms`);
    return { row, seed, recoveriesMs };
  } catch (error) {
    tell(`FAILED: ${error instanceof Error ? error.stack : error}`);
    return { row, seed, recoveriesMs: [], error };
  }
}
