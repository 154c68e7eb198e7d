// Learning rates that are set while a run goes on: which one counts when, and what is kept of them.
import { appendFileSync, existsSync, fsyncSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { appendDurably } from '../coordinator/append-durably.ts';
import { openArchive } from '../coordinator/archive.ts';
import { LearningRates, parseRateChanges } from '../coordinator/learning-rates.ts';
import { createRunFolder } from '../coordinator/run-folder.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { run } from './terminal-events.ts';

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  return { ...fs, fsyncSync: vi.fn(fs.fsyncSync) };
});

const everyStep = { mode: 'step' } as const;
const local = { mode: 'local', localSteps: 8, outerLearningRate: 1, outerMomentum: 0 } as const;

describe('the learning rate', () => {
  it('is the configured one until the step of a change, and that of the latest change from then on', () => {
    const rates = new LearningRates(everyStep);
    rates.add({ fromVersion: 2, learningRate: 0.5 });
    rates.add({ fromVersion: 4, learningRate: 0 });
    rates.add({ fromVersion: 4, learningRate: 0.25 });
    expect([0, 1, 2, 3, 4, 1000].map((version) => rates.at(version))).toEqual([
      undefined,
      undefined,
      0.5,
      0.5,
      0.25,
      0.25,
    ]);
  });

  it('that was set after a crash counts also where one before the crash was set for later', () => {
    const rates = new LearningRates(everyStep, [{ fromVersion: 90, learningRate: 0.5 }]);
    rates.add({ fromVersion: 60, learningRate: 0.25 });
    expect([59, 60, 89, 90, 91].map((version) => rates.at(version))).toEqual([
      undefined,
      0.25,
      0.25,
      0.25,
      0.25,
    ]);
  });

  it('is told with a lease where workers take steps of their own, and nowhere else', () => {
    const changes = [{ fromVersion: 3, learningRate: 0.5 }];
    expect(new LearningRates(local, changes).ofLease(3)).toEqual({ learningRate: 0.5 });
    expect(new LearningRates(local, changes).ofLease(2)).toEqual({});
    expect(new LearningRates(everyStep, changes).ofLease(3)).toEqual({});
  });
});

describe('the record of changes', () => {
  it('is all there when a run is taken back to an earlier step, without what a crash tore', async () => {
    const folder = await createRunFolder(await temporaryDirectory(), run.config, new Date());
    const onError = (error: Error) => expect.unreachable(error.message);
    const first = await openArchive({ folder, fromVersion: 0, onError });
    expect(existsSync(folder.paths.rates)).toBe(false);
    first.recordRate({ fromVersion: 7, learningRate: 0.5 });
    first.recordRate({ fromVersion: 90, learningRate: 0.25 });
    await first.close();
    appendFileSync(folder.paths.rates, '{"fromVersion":91,"lea');
    const again = await openArchive({ folder, fromVersion: 5, onError });
    again.recordRate({ fromVersion: 6, learningRate: 1 });
    await again.close();
    const third = await openArchive({ folder, fromVersion: 5, onError });
    await third.close();
    const before = [
      { fromVersion: 7, learningRate: 0.5 },
      { fromVersion: 90, learningRate: 0.25 },
    ];
    expect(again.pastRates).toEqual(before);
    expect(third.pastRates).toEqual([...before, { fromVersion: 6, learningRate: 1 }]);
  });

  it('is refused where it is not one: with other rates the run would be another', () => {
    const lines = [{ fromVersion: 1, learningRate: 0.5 }, { fromVersion: 2 }];
    expect(() => parseRateChanges(lines, 'rates.ndjson')).toThrow(
      'record 2 of rates.ndjson is not a change of the learning rate',
    );
  });

  it('stays as it is when the disk refuses', async () => {
    const path = join(await temporaryDirectory(), 'rates.ndjson');
    appendDurably(path, { fromVersion: 1 });
    vi.mocked(fsyncSync).mockImplementationOnce(() => {
      throw new Error('ENOSPC');
    });
    expect(() => appendDurably(path, { fromVersion: 2 })).toThrow('ENOSPC');
    expect(readFileSync(path, 'utf8')).toBe('{"fromVersion":1}\n');
    appendDurably(path, { fromVersion: 3 });
    expect(readFileSync(path, 'utf8')).toBe('{"fromVersion":1}\n{"fromVersion":3}\n');
  });
});
