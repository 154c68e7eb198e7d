// Learning rates that are set while a run goes on: which one counts when, and what is kept of them.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { appendDurably } from '../coordinator/append-durably.ts';
import { openArchive } from '../coordinator/archive.ts';
import { LearningRates, parseRateChanges } from '../coordinator/learning-rates.ts';
import { createRunFolder } from '../coordinator/run-folder.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { run } from './terminal-events.ts';

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
    first.recordRate({ fromVersion: 7, learningRate: 0.5 });
    first.recordRate({ fromVersion: 90, learningRate: 0.25 });
    await first.close();
    const whole = readFileSync(folder.paths.rates, 'utf8');
    writeFileSync(folder.paths.rates, `${whole}{"fromVersion":91,"lea`);
    const again = await openArchive({ folder, fromVersion: 5, onError });
    again.recordRate({ fromVersion: 6, learningRate: 1 });
    await again.close();
    expect(again.pastRates).toEqual([
      { fromVersion: 7, learningRate: 0.5 },
      { fromVersion: 90, learningRate: 0.25 },
    ]);
    expect(readFileSync(folder.paths.rates, 'utf8')).toBe(
      `${whole}{"fromVersion":6,"learningRate":1}\n`,
    );
  });

  it('is refused where it is not one: with other rates the run would be another', () => {
    const lines = [{ fromVersion: 1, learningRate: 0.5 }, { fromVersion: 2 }];
    expect(() => parseRateChanges(lines, 'rates.ndjson')).toThrow(
      'record 2 of rates.ndjson is not a change of the learning rate',
    );
  });

  it('stays as it is when the disk refuses', async () => {
    const folder = await temporaryDirectory();
    mkdirSync(join(folder, 'taken'));
    expect(() => appendDurably(join(folder, 'taken'), {})).toThrow('EISDIR');
    expect(() => appendDurably(join(folder, 'absent'), {})).toThrow('ENOENT');
    // Every write to it fails as on a disk without room.
    expect(() => appendDurably('/dev/full', {})).toThrow();
  });
});
