// Where somebody lied, the run goes back to before its first share: the result is that of a run which it never joined.
import { appendFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ownerOf } from '../coordinator/archive.ts';
import type { Snapshot } from '../coordinator/checkpoint.ts';
import { listCheckpoints } from '../coordinator/checkpoint-folder.ts';
import { saveCheckpoint, storeCheckpoint } from '../coordinator/checkpoint-store.ts';
import { takeBackCheckpoints } from '../coordinator/checkpoint-undo.ts';
import { readLedger } from '../coordinator/ledger.ts';
import { lastWorkerOf } from '../coordinator/past-events.ts';
import { rollBack } from '../coordinator/rollback.ts';
import { createRunFolder, openRunFolder, type RunFolder } from '../coordinator/run-folder.ts';
import { modelOf, optimizerFor, planOf, type RunConfig } from '../shared/config.ts';
import type { RunEvent } from '../shared/events.ts';
import { initialWeights } from '../shared/model/model.ts';
import { startLyingWorker } from './lying-worker.ts';
import { MemoryDisk } from './memory-disk.ts';
import { inScope, newCluster, quickRun, type TestScope, temporaryFolder } from './support.ts';
import { run } from './terminal-events.ts';

const config: RunConfig = {
  ...run.config,
  shape: { trainSamples: 640, testSamples: 64, rows: 2, columns: 2, classes: 3 },
  model: { hidden: [4], activation: 'relu', batchNorm: false, dropout: 0 },
};
const joined = (worker: string, name: string, seq: number): RunEvent => {
  const event = { type: 'worker', action: 'joined', worker, name, kind: 'node', workers: 0 };
  return { ...event, seq, time: '2026-11-22T10:54:12.345Z' } as RunEvent;
};

describe('a run that goes back', () => {
  it('is that of before the first share of whoever lied', async (t) => {
    const folder = await runOf(t, [0, 3, 5, 9], [['w1'], ['w1'], ['w1'], ['w1'], ['w1', 'w2']]);
    const { start, notice } = await rollBack(folder, new Map([['w2', 0]]));
    expect(start.version).toBe(3);
    expect(notice).toBe(
      'what eve gave from step 5 on is not to be trusted: the run goes back to step 3',
    );
    expect(await versionsIn(folder)).toEqual([0, 3]);
  });

  it('is that of before all that went by the name of whoever lied', async (t) => {
    const folder = await runOf(t, [0, 3, 5], [['w1'], ['w1', 'w2'], ['w1'], ['w1'], ['w1', 'w3']]);
    const { start, notice } = await rollBack(folder, new Map([['w3', 0]]));
    expect(start.version).toBe(0);
    expect(notice).toContain('from step 2 on');
  });

  it('keeps what counts of whoever came before a lie, under whichever number', async (t) => {
    const shares = [['w1'], ['w1', 'w2'], ['w1'], ['w1', 'w2'], ['w1'], ['w1', 'w3']];
    const folder = await runOf(t, [0, 2, 3, 5], shares);
    const since = async (version: number) =>
      (await rollBack(folder, new Map([['w3', version]]))).start.version;
    expect([await since(5), await since(4), await since(3), await since(2)]).toEqual([5, 5, 3, 3]);
    expect(await since(1)).toBe(0);
  });

  it('goes back no further than to the newest checkpoint where no step was finished with its help', async (t) => {
    const folder = await runOf(t, [0, 3, 5], [['w1'], ['w1'], ['w1'], ['w1'], ['w1']]);
    const { start, notice } = await rollBack(folder, new Map([['w2', 0]]));
    expect(start.version).toBe(5);
    expect(notice).toBe(
      'what eve gave last is not to be trusted, and is in no finished step: the run goes back to step 5',
    );
  });

  it('says so where no checkpoint is old enough, and loses none', async (t) => {
    const folder = await runOf(t, [3, 5], [['w2'], ['w1'], ['w1'], ['w1'], ['w1']]);
    const { start, notice } = await rollBack(folder, new Map([['w2', 0]]));
    expect(start.version).toBe(5);
    expect(notice).toContain('no checkpoint is as old');
    expect(await versionsIn(folder)).toEqual([3, 5]);
  });

  it('goes on with what a crash left of going back', async (t) => {
    const { paths } = await runOf(t, [0, 3, 5, 9], []);
    await appendFile(join(paths.checkpoints, '.undo-000000003'), '');
    await takeBackCheckpoints(paths.checkpoints);
    expect(await readdir(paths.checkpoints)).toEqual(['000000000', '000000003']);
  });
});

describe('the checkpoints of a run that may have to go back', () => {
  it('are few, and one is near to every step', async (t) => {
    const disk = new MemoryDisk();
    const owner = ownerOf(await runOf(t, [], []));
    const directory = '/checkpoints';
    for (let version = 0; version <= 1000; version += 2) {
      const entries = await listCheckpoints(directory, disk);
      const snapshot = snapshotAt(version);
      const options = { directory, owner, entries, snapshot, keepsPast: true };
      for (const operation of saveCheckpoint(options)) disk.perform(operation);
      if (version % 100 !== 0) continue;
      const kept = (await listCheckpoints(directory, disk)).map((entry) => entry.version);
      expect(kept).toContain(0);
      expect(kept.length).toBeLessThanOrEqual(22);
      for (let step = 0; step <= version; step++) {
        const from = Math.max(...kept.filter((each) => each <= step));
        // One was written at every second step.
        expect(version - from).toBeLessThanOrEqual(2 * (version - step) + 1);
      }
    }
  }, 60_000);
});

describe('the numbers of workers', () => {
  it('go on where they ended', () => {
    expect(lastWorkerOf([])).toBe(0);
    expect(
      lastWorkerOf([joined('w2', 'eve', 1), joined('w11', 'eve', 2), joined('w1', 'a', 3)]),
    ).toBe(11);
  });
});

describe('a coordinator that audits and goes back', () => {
  const flags = [...quickRun, '--epochs=20', '--only-engine=wasm:simd', '--checkpoint-every=100'];
  const back = [...flags, '--audit=1', '--audit-rollback'];

  let honest: string;
  beforeAll(async () => {
    honest = await inScope(async (t) => (await (await newCluster(t, { flags })).end()).weightsHash);
  });

  it('ends as if whoever lied from the start had never been there', async (t) => {
    const cluster = await newCluster(t, { flags: back, workers: 0 });
    const { url, coordinator, runDirectory } = cluster;
    const liar = startLyingWorker(t, url, { engine: 'wasm:simd', honestShards: 3 });
    expect(await liar.ending).toMatchObject({ kind: 'refused', reason: 'audit' });
    const { message } = await coordinator.waitForEvent(
      'notice',
      ({ level }) => level === 'warning',
    );
    expect(message).toBe(
      'what liar gave from step 1 on is not to be trusted: the run goes back to step 0',
    );
    cluster.addWorker();
    expect((await cluster.end()).weightsHash).toBe(honest);
    expect(await workersIn(runDirectory)).toEqual(new Set(['w2']));
  });

  it('ends as if whoever came later had never come, and undoes nothing from before', async (t) => {
    const cluster = await newCluster(t, { flags: back });
    const { url, coordinator, runDirectory } = cluster;
    const [first] = cluster.workers;
    await coordinator.waitForEvent('step', ({ version }) => version >= 20);
    const { stepsPerEpoch } = await coordinator.waitForEvent('run');
    const say = (control: string) => fetch(`${url}/api/v1/controls/${control}`, { method: 'POST' });
    const pause = async (): Promise<number> => {
      const { fromVersion } = (await (await say('pause')).json()) as { fromVersion: number };
      return fromVersion;
    };
    let pausedAt = await pause();
    // A newcomer may miss a few steps: were one of them the last of an epoch, that would be kept, and gone back to.
    while (pausedAt % stepsPerEpoch > stepsPerEpoch / 2) {
      await say('resume');
      pausedAt = await pause();
    }
    // Nothing is kept for a newcomer while something else is written.
    const epochEnd = pausedAt - (pausedAt % stepsPerEpoch);
    const isWritten = ({ version }: { version: number }) => version === epochEnd;
    if (epochEnd > 0) await coordinator.waitForEvent('checkpoint', isWritten);
    const liar = startLyingWorker(t, url, { engine: 'wasm:simd', honestShards: 3 });
    await cluster.waitForWorker('liar', 'ready');
    // However fast it is: the next steps are the newcomer's, and nobody completes the run before it is found out.
    first.kill('SIGSTOP');
    await say('resume');
    expect(await liar.ending).toMatchObject({ kind: 'refused', reason: 'audit' });
    first.kill('SIGCONT');
    const again = await coordinator.waitForEvent('run', ({ fromVersion }) => fromVersion > 0);
    // A step that was open when the run was paused was finished.
    expect([pausedAt, pausedAt + 1]).toContain(again.fromVersion);
    expect((await cluster.end()).weightsHash).toBe(honest);
    expect(await workersIn(runDirectory)).toEqual(new Set(['w1', 'w3']));
    // The honest worker was never started again.
    expect(await first.exit).toBe(0);
  });
});

/** With checkpoints of these versions, and whoever had a share in each step. `w2` and `w3` are eve. */
async function runOf(
  t: TestScope,
  versions: readonly number[],
  shares: readonly (readonly string[])[],
): Promise<RunFolder> {
  const folder = await createRunFolder(temporaryFolder(t), config, new Date());
  const { paths } = folder;
  for (const version of versions) {
    const snapshot = snapshotAt(version);
    await storeCheckpoint({
      directory: paths.checkpoints,
      snapshot,
      owner: ownerOf(folder),
      keepsPast: true,
    });
  }
  const events = [joined('w1', 'ada', 1), joined('w2', 'eve', 2), joined('w3', 'eve', 3)];
  const ledger = shares.map((workers, step) => {
    const shards = workers.map((worker, start) => ({ start, length: 1, worker }));
    const counts = { samples: 64, lossSum: 1, correct: 1, learningRate: 0.1 };
    return { version: step + 1, epoch: 0, step, ...counts, shards };
  });
  await appendFile(paths.events, events.map((event) => `${JSON.stringify(event)}\n`).join(''));
  await appendFile(paths.ledger, ledger.map((record) => `${JSON.stringify(record)}\n`).join(''));
  return folder;
}

function snapshotAt(version: number): Snapshot {
  const { parameterCount } = modelOf(config);
  return {
    version,
    ...planOf(config).position(version),
    weights: initialWeights(modelOf(config), config.seed),
    optimizer: optimizerFor(config).init(parameterCount),
    epochTotals: { lossSum: 0, correct: 0, samples: 0, seconds: 0 },
  };
}

async function versionsIn({ paths }: RunFolder): Promise<number[]> {
  return (await listCheckpoints(paths.checkpoints))
    .map(({ version }) => version)
    .sort((a, b) => a - b);
}

/** All who have a share in the run as it stands. */
async function workersIn(runDirectory: string): Promise<Set<string>> {
  const { paths } = await openRunFolder(runDirectory);
  const ledger = await readLedger(paths.ledger);
  return new Set(ledger.flatMap(({ shards }) => shards.map(({ worker }) => worker)));
}
