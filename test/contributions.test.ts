import { expect, it } from 'vitest';
import { Contributions } from '../coordinator/contributions.ts';
import type { LedgerRecord } from '../coordinator/ledger.ts';
import { createPlan } from '../shared/plan.ts';

/** Two steps an epoch: eight samples in four shards, then four in four. */
const plan = createPlan({
  samples: 12,
  batchSize: 8,
  shards: 4,
  epochs: 2,
  seed: 0,
  shuffle: false,
  sharding: 'shuffled',
});

function recordOf(version: number, shards: LedgerRecord['shards']): LedgerRecord {
  const { epoch, step } = plan.position(version - 1);
  const rest = { samples: 0, lossSum: 0, correct: 0, learningRate: 0 };
  return { version, epoch, step, shards, ...rest };
}

it('counts the samples of each worker, epoch by epoch', () => {
  const contributions = new Contributions(plan);
  const contributorOf = (worker: string) => ({ worker, name: `name of ${worker}` });
  const add = (version: number, shards: LedgerRecord['shards']) =>
    contributions.add(recordOf(version, shards), contributorOf);
  add(1, [
    { start: 0, length: 2, worker: 'w1' },
    { start: 2, length: 1, worker: 'w2' },
    { start: 3, length: 1, worker: 'w1' },
  ]);
  add(2, [{ start: 0, length: 4, worker: 'w2' }]);
  add(3, [{ start: 0, length: 4, worker: 'w1' }]);
  expect(contributions.of(0)).toEqual({ w1: 6, w2: 6 });
  expect(contributions.of(1)).toEqual({ w1: 8 });
  expect(contributions.take(0)).toEqual([
    { worker: 'w1', name: 'name of w1', samples: 6 },
    { worker: 'w2', name: 'name of w2', samples: 6 },
  ]);
  expect(contributions.of(0)).toEqual({});
  expect(contributions.take(1)).toHaveLength(1);
});
