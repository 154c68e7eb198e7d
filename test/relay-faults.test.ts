// What may go wrong around a relay, with real sockets and processes that are killed: the result is that of a run that was
// left alone.
import { beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../coordinator/free-port.ts';
import { createGate } from '../coordinator/gate.ts';
import { auditLedger, readLedger } from '../coordinator/ledger.ts';
import { openRunFolder } from '../coordinator/run-folder.ts';
import { drawToken } from '../coordinator/tokens.ts';
import { planOf } from '../shared/config.ts';
import { protocolVersion, type ToWorker } from '../shared/protocol.ts';
import { startNodeWorker } from '../worker/node.ts';
import { socketTransport } from '../worker/transport.ts';
import type { Worker } from '../worker/worker.ts';
import { fateIn, newInnerCoordinator } from './inner-coordinator.ts';
import { startInnerRelay } from './inner-relay.ts';
import {
  type Cluster,
  inScope,
  newCluster,
  runTutti,
  startTutti,
  type TestScope,
  temporaryFolder,
} from './support.ts';

const engine = 'wasm:simd';
const flags = [
  '--train-samples=2048',
  '--test-samples=500',
  '--hidden=32',
  '--shards=8',
  '--epochs=12',
  `--only-engine=${engine}`,
];
const samples = 2048;
const here = '127.0.0.1';

describe('a run', () => {
  let undisturbed: Outcome;
  beforeAll(async () => {
    undisturbed = await inScope(async (t) => {
      const cluster = await newCluster(t, { workers: 0, flags });
      startWorkers(t, cluster.url, 1);
      return outcomeOf(cluster);
    });
    expect(undisturbed.ledger).toHaveLength(12);
  });

  it('is not changed by kill -9 of a relay with eight workers, which wait for it', async (t) => {
    const cluster = await newCluster(t, { workers: 0, flags });
    const port = await freePort(here, 0);
    const words = ['relay', cluster.url, '--name=relay', `--port=${port}`];
    const relay = startTutti(t, words);
    const lines: string[] = [];
    const workers = startWorkers(t, `http://${here}:${port}`, 8, lines);
    await cluster.coordinator.waitForEvent('step', ({ version }) => version > 20);
    relay.kill('SIGKILL');
    await cluster.waitForWorker('relay', 'left');
    await relay.exit;
    const again = startTutti(t, words);
    expect(await outcomeOf(cluster)).toEqual(undisturbed);
    expect(await again.exit).toBe(0);
    for (const { ending } of workers) {
      expect(await ending).toEqual({ kind: 'finished', reason: 'completed' });
    }
    expect(lines.filter((line) => line === 'connected again').length).toBeGreaterThanOrEqual(8);
  });

  it('is not changed by kill -9 of its coordinator above two relays', async (t) => {
    const frequent = ['--checkpoint-every=7'];
    const cluster = await newCluster(t, { workers: 0, flags: [...flags, ...frequent] });
    const { coordinator, port, runDirectory } = cluster;
    const upper = await startInnerRelay(t, cluster.url, { name: 'upper' });
    const lower = await startInnerRelay(t, upper.url, { name: 'lower' });
    startWorkers(t, upper.url, 1);
    startWorkers(t, lower.url, 2);
    await coordinator.waitForEvent('step', ({ version }) => version > 40);
    coordinator.kill('SIGKILL');
    await coordinator.exit;
    await upper.told('away');
    const resume = [`--resume=${runDirectory}`, ...frequent];
    const resumed = await newCluster(t, { workers: 0, flags: resume, port });
    expect(await outcomeOf(resumed)).toEqual(undisturbed);
    for (const { relay } of [upper, lower]) {
      expect(await relay.ending).toEqual({ kind: 'finished', reason: 'completed' });
    }
  });

  it('hears of a relay that is asked to go, whose workers wait for the next one', async (t) => {
    const cluster = await newCluster(t, { workers: 0, flags });
    const port = await freePort(here, 0);
    const relay = startTutti(t, ['relay', cluster.url, '--name=first', `--port=${port}`]);
    startWorkers(t, `http://${here}:${port}`, 2);
    await cluster.coordinator.waitForEvent('step');
    relay.kill('SIGTERM');
    expect(await relay.exit).toBe(130);
    expect((await cluster.waitForWorker('first', 'left')).reason).toBe(
      'its process was asked to end',
    );
    startTutti(t, ['relay', cluster.url, '--name=second', `--port=${port}`]);
    expect(await outcomeOf(cluster)).toEqual(undisturbed);
  });
});

describe('a worker behind a relay', () => {
  it('that has no numbers is expelled there, and nobody else hears of it', async (t) => {
    const inner = await newInnerCoordinator(t, { config: { shards: 8 } });
    const relay = await startInnerRelay(t, inner.url);
    relay.addWorker('honest');
    await relay.told('honest ready');
    const ending = lie(t, relay.url);
    await relay.told('liar expelled');
    expect(await ending).toBe('strikes');
    expect(fateIn(inner.log, 'relay').at(-1)).toBe('ready');
    expect(
      inner.log.history.some((event) => 'action' in event && event.action === 'rejected'),
    ).toBe(false);
  });
});

describe('tutti relay', () => {
  it('says that nobody answers, and tries again until somebody does', async (t) => {
    const port = await freePort(here, 0);
    const relay = startTutti(t, ['relay', `${here}:${port}`, '--port=0']);
    await relay.waitForText(/nobody answers there; trying again until it works/);
    await newCluster(t, { workers: 0, port });
    await relay.waitForText(/connected again/);
  });

  it('ends when its token is none of the run', async (t) => {
    const gate = createGate([{ token: drawToken(), scope: 'work' }]);
    const { url } = await newInnerCoordinator(t, { gate });
    const { status, stderr } = await runTutti(t, ['relay', `${url}/#t=${drawToken()}`, '--port=0']);
    expect(status).toBe(7);
    expect(stderr).toMatch(/This relay cannot join \S+: its token is not one of this run/);
  });

  it.for<[string, readonly string[], number, RegExp]>([
    [
      'its own address',
      ['relay', 'http://localhost:7391', '--port=7391'],
      2,
      /http:\/\/localhost:7391 is the address of this relay itself/,
    ],
    [
      'an address for everybody without a token',
      ['relay', 'http://127.0.0.1:7391', '--host=0.0.0.0', '--port=0'],
      2,
      /--host 0\.0\.0\.0: everybody who reaches this relay could compute/,
    ],
  ])('refuses %s', async ([, words, expected, message], t) => {
    const { status, stderr } = await runTutti(t, words);
    expect(stderr).toMatch(message);
    expect(status).toBe(expected);
  });

  it('refuses a port that somebody else has', async (t) => {
    const { url } = await newInnerCoordinator(t);
    const { port } = new URL(url);
    const { status, stderr } = await runTutti(t, ['relay', 'http://lab:7070', `--port=${port}`]);
    expect(stderr).toContain(`${here}:${port} is in use by another program.`);
    expect(status).toBe(4);
  });
});

/** In this process. */
function startWorkers(t: TestScope, url: string, count: number, lines: string[] = []): Worker[] {
  const cacheDirectory = temporaryFolder(t);
  return Array.from({ length: count }, (_, at) => {
    const log = (line: string): void => void lines.push(line);
    const worker = startNodeWorker({ url, name: `w${at}`, engine, cacheDirectory, log });
    t.onTestFinished(async () => worker.leave('the test is over'));
    return worker;
  });
}

type Outcome = Awaited<ReturnType<typeof outcomeOf>>;

async function outcomeOf(cluster: Cluster) {
  const { weightsHash, version } = await cluster.end();
  const { config, paths } = await openRunFolder(cluster.runDirectory);
  const audit = { ...config.shape, ...planOf(config) };
  const ledger = auditLedger(await readLedger(paths.ledger), audit);
  expect(ledger.every(({ seen, twice }) => seen === samples && twice.length === 0)).toBe(true);
  return { weightsHash, version, ledger };
}

/** A worker whose gradients are no numbers; resolves to why it is sent away. */
function lie(t: TestScope, url: string): Promise<string> {
  const handshake = { protocol: protocolVersion, name: 'liar', kind: 'node' } as const;
  return new Promise((resolve) => {
    let run = '';
    let bytes = 0;
    const answer = (message: ToWorker): void => {
      if (message.type === 'refused') return resolve(message.reason);
      if (message.type === 'welcome') {
        run = message.run;
        transport.send({ type: 'ready', engine: 'reference:float64', samplesPerSecond: 1e6 });
      }
      if (message.type === 'weights') bytes = message.payload.length;
      if (message.type !== 'lease') return;
      const { epoch, step, version, runs } = message;
      const payload = new Uint8Array(bytes).fill(0xff);
      for (const { start, length } of runs) {
        const about = { run, epoch, step, version, start, length, samples: 2 * length };
        const sums = { lossSum: 0, correct: 0, computeMs: 1 };
        transport.send({ type: 'gradient', ...about, ...sums, payload });
      }
    };
    const transport = socketTransport({ url, handshake })({
      onOpen: () => undefined,
      onClose: () => undefined,
      onMessage: answer,
    });
    t.onTestFinished(async () => transport.close());
  });
}
