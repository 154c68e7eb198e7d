// npm run chaos [-- --rows 1,4 --seeds 20 --seed N,M --jobs 2]: what each trial did, then a table; exits with 1 when a
// promise was broken.
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
    /** These alone. */
    seed: { type: 'string' },
    /** Trials side by side. They wait more than they compute. */
    jobs: { type: 'string', default: '1' },
  },
});

// Ends with all that it started.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const wanted = values.rows?.split(',').map(Number);
const seeds =
  values.seed === undefined
    ? Array.from({ length: Number(values.seeds) }, (_, index) => index + 1)
    : values.seed.split(',').map(Number);
const trials = rows
  .filter(({ number }) => wanted?.includes(number) ?? true)
  .flatMap((row) => seeds.map((seed) => ({ row, seed })));

const outcomes: Outcome[] = [];
const untried = trials.values();
await Promise.all(Array.from({ length: Number(values.jobs) }, attemptInTurn));

console.log(`\n${table(trials.map(({ row, seed }) => outcomeOf(row, seed)))}`);
const failed = outcomes.filter(({ error }) => error !== undefined);
for (const { row, seed } of failed) {
  console.log(`again: npm run chaos -- --rows ${row.number} --seed ${seed}`);
}
process.exit(failed.length > 0 ? 1 : 0);

async function attemptInTurn(): Promise<void> {
  for (const { row, seed } of untried) outcomes.push(await attempt(row, seed));
}

function outcomeOf(row: Row, seed: number): Outcome {
  return outcomes.find((outcome) => outcome.row === row && outcome.seed === seed)!;
}

async function attempt(row: Row, seed: number): Promise<Outcome> {
  const lines = [`row ${row.number}, seed ${seed}: ${row.title}`];
  const startedAt = performance.now();
  const tell = (line: string): void => void lines.push(`  ${line}`);
  const outcome = await inScope((t) => row.play(newTrial(row, { t, seed, tell }))).then(
    (recoveriesMs): Outcome => ({ row, seed, recoveriesMs }),
    (error): Outcome => ({ row, seed, recoveriesMs: [], error }),
  );
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const { error, recoveriesMs } = outcome;
  if (error !== undefined) tell(`FAILED after ${seconds} s: ${(error as Error).stack ?? error}`);
  else tell(`passed in ${seconds} s${recoveryText(recoveriesMs)}`);
  console.log(lines.join('\n'));
  return outcome;
}

function recoveryText(recoveriesMs: readonly number[]): string {
  if (recoveriesMs.length === 0) return '';
  return `; back after ${recoveriesMs.map(Math.round).join(', ')} ms`;
}
