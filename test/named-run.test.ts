// One command for the first start and for every restart, as schedulers give it, and workers that outlast both.
import { describe, expect, it } from 'vitest';
import { quickRun, runTutti, startTutti, temporaryFolder } from './support.ts';

const named = ['train', '--run-id=lesson', '--json', '--port=0', ...quickRun];

describe.concurrent('a run with a name', () => {
  it('starts, goes on after a kill, and is done when it is done', async (t) => {
    const cwd = temporaryFolder(t);
    const words = [...named, '--workers=1', '--epochs=40', '--checkpoint-every=16'];
    const first = startTutti(t, words, { cwd });
    const { fromVersion, run } = await first.waitForEvent('run');
    expect([run, fromVersion]).toEqual(['lesson', 0]);
    await first.waitForEvent('checkpoint', ({ version }) => version > 0);
    first.kill('SIGKILL');
    await first.exit;

    const second = startTutti(t, words, { cwd });
    expect((await second.waitForEvent('run')).fromVersion).toBeGreaterThan(0);
    const end = await second.waitForEvent('end');
    expect([end.reason, end.epochs, await second.exit]).toEqual(['completed', 40, 0]);

    const third = startTutti(t, words, { cwd });
    const again = await third.waitForEvent('end');
    expect([again.reason, again.weightsHash, await third.exit]).toEqual([
      'completed',
      end.weightsHash,
      0,
    ]);

    const other = await runTutti(t, [...words, '--seed=1', '--train-samples=1024'], { cwd });
    expect(other.status).toBe(3);
    const wider = await runTutti(t, [...words, '--seed=1', '--epochs=41'], { cwd });
    expect(wider.status).toBe(2);
    expect(wider.stderr).toMatch('tutti: --run-id lesson: that run has another epochs, seed.');
  });

  it.for(['', '..', 'a/b', 'x'.repeat(101)])('cannot be called "%s"', async (name, t) => {
    const { status, stderr } = await runTutti(t, ['train', '--run-id', name]);
    expect(status).toBe(2);
    expect(stderr).toMatch(`tutti: --run-id: "${name}" cannot be the name of a folder.`);
  });
});

describe('a worker that stays', () => {
  it('computes for the next coordinator at the same address', async (t) => {
    const cwd = temporaryFolder(t);
    const words = [...named, '--workers=0', '--epochs=1000'];
    const first = startTutti(t, words, { cwd });
    const { url } = await first.waitForEvent('run');
    const worker = startTutti(t, ['worker', url, '--stay'], { cwd });
    await first.waitForEvent('step');
    first.kill('SIGTERM');
    expect(await first.exit).toBe(130);
    await worker.waitForText(/the run is over: stopped/);

    const second = startTutti(t, [...words, `--port=${new URL(url).port}`], { cwd });
    await second.waitForEvent('step');
    worker.kill('SIGTERM');
    expect(await worker.exit).toBe(130);
  });
});
