import { describe, expect, it } from 'vitest';
import { EventLog } from '../coordinator/event-log.ts';
import type { LedgerRecord } from '../coordinator/ledger.ts';
import { Metrics } from '../coordinator/metrics.ts';
import { createPlan } from '../shared/plan.ts';
import { counters, run } from './terminal-events.ts';

const config = { ...run.config, shape: { ...run.config.shape, trainSamples: 64 }, batchSize: 16 };
const plan = createPlan({ ...config, samples: 64 });

/** The `version`-th step, answered in full; four make an epoch. */
function committed(version: number): LedgerRecord {
  const position = plan.position(version - 1);
  const shards = [{ start: 0, length: 2, worker: 'w1' }];
  return { ...position, version, samples: 16, lossSum: 16, correct: 8, learningRate: 0.1, shards };
}

/** The ledger of the epoch, when it went on after the steps of `past` with those of `later`. */
function countsOf(past: readonly number[], later: readonly number[]) {
  const log = new EventLog({ lastSeq: 0 });
  const metrics = new Metrics({
    log,
    run: 'mnist-1',
    config,
    plan,
    runDirectory: 'runs/mnist-1',
    expectWorkers: 1,
    pastLedger: past.map(committed),
    counters: () => counters,
  });
  const version = past.at(-1) ?? 0;
  const epochTotals = { lossSum: 0, correct: 0, samples: 0, seconds: 0 };
  const weights = new Float32Array(1);
  const snapshot = { ...plan.position(version), version, weights, optimizer: {}, epochTotals };
  metrics.announce(snapshot, 'http://here');
  for (const each of later) metrics.committed(committed(each), 1, each);
  const summary = { epoch: snapshot.epoch, lossSum: 64, correct: 32, samples: 64, seconds: 1 };
  metrics.epoch(summary, snapshot, { loss: 1, accuracy: 0.5, confusion: [], examples: [] }, 1);
  const event = log.history.find(({ type }) => type === 'epoch');
  return event?.type === 'epoch' && event.ledger;
}

describe('what is told of the images of an epoch', () => {
  it('holds also those of the steps before a run was resumed', () => {
    expect(countsOf([], [1, 2, 3, 4])).toEqual({ seen: 64, lost: 0, twice: 0 });
    expect(countsOf([1, 2], [3, 4])).toEqual({ seen: 64, lost: 0, twice: 0 });
    expect(countsOf([1, 2, 3, 4, 5], [6, 7, 8])).toEqual({ seen: 64, lost: 0, twice: 0 });
  });

  it('says what is lost, and what counts twice', () => {
    expect(countsOf([], [1, 2, 4])).toEqual({ seen: 48, lost: 16, twice: 0 });
    expect(countsOf([1, 2], [2, 3, 4])).toEqual({ seen: 64, lost: 0, twice: 16 });
  });
});
