// What some workers that turn their gradients around do to a run, and what helps.
import { loadDataset } from '../../coordinator/dataset-files.ts';
import { type ConfigFlags, configOf } from '../../deploy/run-options.ts';
import { aggregationNames } from '../../shared/aggregations/names.ts';
import { modelOf } from '../../shared/config.ts';
import { engines } from '../../worker/engines/index.ts';
import { type LyingRunEnd, type LyingRunOptions, runWithLiars } from '../lying-run.ts';

export interface LiarsOptions {
  readonly epochs: number;
  readonly hidden: string;
}

const [workers, liars] = [10, 2];
const auditRate = 0.05;
/** How long their gradients are, as times of the right ones. */
const forces = [1, 5];

interface Row {
  readonly title: string;
  readonly flags?: ConfigFlags;
  readonly audits?: LyingRunOptions['audits'];
}

const rows: readonly Row[] = [
  { title: 'the mean' },
  { title: `the mean, --audit ${auditRate}`, audits: { rate: auditRate } },
  ...aggregationNames.map((aggregation) => ({
    title: `--aggregation ${aggregation}`,
    flags: { aggregation },
  })),
];

/** Prints a table. */
export async function measureLiars({ epochs, hidden }: LiarsOptions): Promise<void> {
  const loaded = await loadDataset({ name: 'mnist' });
  const usual = { epochs, hidden, batchSize: 320, shards: 16, schedule: 'cosine' } as const;
  console.log(`Test accuracy after ${epochs} epochs; ${liars} of ${workers} workers lie.\n`);
  const lies = forces.map((force) => `turned around, ${force} times as long`).join(' | ');
  console.log(`| | nobody lies | ${lies} | shards until expelled |\n|---|---|---|---|---|`);
  for (const { title, flags, audits } of rows) {
    const config = configOf({ ...usual, ...flags }, loaded);
    const engine = await engines.wasm.create(modelOf(config), 'simd');
    const run = (changes: Pick<LyingRunOptions, 'liars' | 'force'>) =>
      runWithLiars({ config, dataset: loaded.dataset, engine, workers, audits, ...changes });
    const ends = [await run({ liars: 0 })];
    for (const force of forces) ends.push(await run({ liars, force }));
    const caught = ends.flatMap((end) => [...end.caught.values()]);
    console.log(`| ${[title, ...ends.map(percent), caught.join(', ')].join(' | ')} |`);
    await engine.dispose();
  }
}

function percent({ accuracy }: LyingRunEnd): string {
  return `${(100 * accuracy).toFixed(2)} %`;
}
