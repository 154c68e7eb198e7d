// A run that is steered while real processes train: the same bits for the same changes, whatever befalls it.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readLedger } from '../coordinator/ledger.ts';
import type { RunEventOf } from '../shared/events.ts';
import { endlessRun, newCluster, quickRun, runTutti, startTutti } from './support.ts';

async function setRate(url: string, rate: number): Promise<RunEventOf<'control'>> {
  const body = JSON.stringify({ rate });
  const response = await fetch(`${url}/api/v1/controls/rate`, { method: 'POST', body });
  expect(response.status).toBe(200);
  return (await response.json()) as RunEventOf<'control'>;
}

describe('changes of the learning rate', () => {
  const flags = [...quickRun, '--epochs=40', '--only-engine=onnx'];

  it('survive kills of the coordinator: the same bits as in a run that was left alone with them', async (t) => {
    const first = await newCluster(t, { flags });
    const { url, port, runDirectory } = first;
    await first.coordinator.waitForEvent('step', ({ version }) => version > 40);
    const { fromVersion } = await setRate(url, 0.03);
    // Before the first step that uses it, or hardly after it.
    first.coordinator.kill('SIGKILL');
    await first.coordinator.exit;

    const resume = [`--resume=${runDirectory}`];
    const second = await newCluster(t, { flags: resume, port });
    const { coordinator } = second;
    const { message } = await coordinator.waitForEvent('notice');
    expect(message).toMatch(/^The learning rate was set to 0\.03 from step \d+ on/);
    await coordinator.waitForEvent('step', ({ version }) => version > fromVersion + 40);
    const later = await setRate(url, 0.01);
    await coordinator.waitForEvent('step', ({ version }) => version > later.fromVersion + 10);
    coordinator.kill('SIGKILL');
    await coordinator.exit;
    const third = await newCluster(t, { flags: resume, port });
    const end = await third.end();
    expect(end).toMatchObject({ reason: 'completed', version: 1280 });

    const rates = await readFile(join(runDirectory, 'rates.ndjson'), 'utf8');
    expect(
      rates
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { fromVersion, learningRate: 0.03 },
      { fromVersion: later.fromVersion, learningRate: 0.01 },
    ]);
    const used = await readLedger(join(runDirectory, 'ledger.ndjson'));
    for (const { version, learningRate } of used) {
      const isLate = version > later.fromVersion;
      expect(learningRate, `step ${version}`).toBe(
        isLate ? 0.01 : version > fromVersion ? 0.03 : 0.1,
      );
    }

    const alone = await newCluster(t, { workers: 0, flags });
    alone.coordinator.kill('SIGKILL');
    await alone.coordinator.exit;
    await writeFile(join(alone.runDirectory, 'rates.ndjson'), rates);
    const undisturbed = await newCluster(t, {
      workers: 2,
      flags: [`--resume=${alone.runDirectory}`],
    });
    expect((await undisturbed.end()).weightsHash).toBe(end.weightsHash);
  });
});

describe('tutti control', () => {
  it('tells what it did, or what is wrong and what was meant', async (t) => {
    const { coordinator, url, addWorker } = await newCluster(t, { workers: 0, flags: endlessRun });
    addWorker('--name=lab-1');
    await coordinator.waitForEvent('step');
    const control = (...words: string[]) => runTutti(t, ['control', url, ...words, '--name=Ada']);
    expect(await control('pause')).toMatchObject({ status: 0, stdout: 'Ada paused the run\n' });
    await coordinator.waitForEvent('waiting', ({ text }) => text === 'paused by Ada');
    expect(await control('pause')).toMatchObject({
      status: 1,
      stderr: 'tutti: The run is paused by Ada.\nResume lets it go on.\n',
    });
    const mistyped = await control('expel', 'lab1');
    expect(mistyped.status).toBe(2);
    expect(mistyped.stderr).toMatch('No worker is called "lab1".\nDid you mean "lab-1"? ');
    const { stdout } = await control('rate', '0.05', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ type: 'control', kind: 'rate', learningRate: 0.05 });
    const wrong = await control('rate', 'fast');
    expect(wrong).toMatchObject({ status: 2 });
    expect(wrong.stderr).toMatch('"fast" is not a learning rate');
    expect(await control('stop')).toMatchObject({ status: 0, stdout: 'Ada stopped the run\n' });
    expect(await coordinator.exit).toBe(130);
    expect(coordinator.stderr).toMatch(/Ada set the learning rate to 0\.05 from step [\d,]+ on\n/);
    expect(await control('stop')).toMatchObject({ status: 7 });
  });

  it('sends a worker of a supervisor away for good', async (t) => {
    const { url, coordinator, waitForWorker } = await newCluster(t, {
      workers: 0,
      flags: endlessRun,
    });
    const lab = startTutti(t, ['worker', url, '--procs=2', '--name=lab']);
    await waitForWorker('lab-1', 'ready');
    await waitForWorker('lab-2', 'ready');
    const words = ['control', url, 'expel', 'lab-1', '--reason=too slow', '--name=Ada'];
    expect((await runTutti(t, words)).status).toBe(0);
    await lab.waitForText(/lab-1 .*Ada sent it away: too slow\.; it is not started again/);
    const { seq } = coordinator.eventsSoFar().at(-1)!;
    await coordinator.waitForEvent('step', (step) => step.seq > seq && step.workers === 1);
  });
});
