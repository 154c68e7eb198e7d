// A short selection of the suite: all of it is `npm run chaos`.
import { describe, it } from 'vitest';
import { rows } from './rows/index.ts';
import { newTrial } from './trial.ts';

/** Rows that need no quiet machine and no minute, each with a seed that is over soon. */
const selection = [
  [1, 1],
  [2, 1],
  [3, 1],
  [4, 2],
  [5, 1],
  [8, 2],
  [9, 1],
  [10, 1],
  [11, 1],
  [12, 1],
  [14, 2],
  [18, 1],
].map(([number, seed]) => ({ seed, ...rows.find((row) => row.number === number)! }));

// They wait more than they compute.
describe.concurrent('a run is unharmed by', () => {
  it.for(selection)('row $number: $title', async ({ seed, ...row }, t) => {
    const lines: string[] = [];
    t.onTestFailed(() => {
      console.log(lines.join('\n'));
      console.log(`again: npm run chaos -- --rows ${row.number} --seed ${seed}`);
    });
    await row.play(newTrial(row, { t, seed, tell: (line) => lines.push(line) }));
  });
});
