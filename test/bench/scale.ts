// How many workers one coordinator bears, with or without relays between: real ones in processes of their own, and up to
// thousands of workers who compute nothing, in a few processes. What it costs to have them, not to compute, is what is
// measured. Linux only.
import { EventEmitter, once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import type { Counters, RunEvent, RunEventOf } from '../../shared/events.ts';
import { aligned } from '../aligned.ts';
import { useOf } from '../chaos/process-use.ts';
import { quantile } from '../median.ts';
import { inScope, startTutti, type TestScope, type Tutti, temporaryFolder } from '../support.ts';
import { type Load, loadNow, othersCores } from './others-load.ts';
import { type Crowds, startCrowds } from './scale-crowds.ts';
import {
  keepScale,
  type NetworkName,
  type NodeFigures,
  networks,
  rowOf,
  type ScaleMeasurement,
  type ScaleTask,
  tableOf,
} from './scale-figures.ts';
import { cpuMsOf } from './step-cost.ts';

export interface ScaleOptions {
  readonly workers: readonly number[];
  readonly networks: readonly NetworkName[];
  readonly relays: readonly number[];
  /** What a shard takes a worker: so that nobody is fast enough to do the work of others, too. */
  readonly shardMs: number;
  /** Of measuring, after all have joined. */
  readonly seconds: number;
  /** Where all figures are kept as JSON, those that it has already among them. */
  readonly file?: string;
  /** Where the coordinator leaves a profile that Chrome's developer tools open. */
  readonly profileDirectory?: string;
}

export const networkNames = Object.keys(networks) as NetworkName[];

const joinTimeoutMs = 60_000;
/** Steps that do not count: speeds are learned and code is compiled. */
const warmUpSteps = 3;
const leastSteps = 3;

/** Prints a table. */
export async function measureScale(options: ScaleOptions): Promise<void> {
  const tasks = options.networks.flatMap((network) =>
    options.relays.flatMap((relays) =>
      options.workers.map((workers): ScaleTask => ({ network, relays, workers })),
    ),
  );
  let measurements: readonly ScaleMeasurement[] = [];
  for (const task of tasks) {
    const fresh = await inScope((t) => measure(t, task, options));
    console.log(rowOf(fresh).join('  '));
    const { file } = options;
    if (file === undefined) measurements = [...measurements, fresh];
    else ({ measurements } = await keepScale(file, [fresh]));
  }
  console.log(`\n${aligned(tableOf(measurements))}`);
}

async function measure(
  t: TestScope,
  task: ScaleTask,
  { seconds, shardMs, profileDirectory }: ScaleOptions,
): Promise<ScaleMeasurement> {
  const { workers, relays } = task;
  const shards = shardsFor(workers);
  const cwd = temporaryFolder(t);
  const coordinator = startCoordinator(t, { ...task, shards, cwd, profileDirectory });
  const witness = new Witness(coordinator);
  const { url, parameterCount } = await coordinator.waitForEvent('run');
  const between = await startRelays(t, url, relays, cwd);
  const startedAt = Date.now();
  const urls = relays === 0 ? [url] : between.map(urlOf);
  const crowds = startCrowds(t, { urls, workers, shardMs });
  const signal = AbortSignal.timeout(joinTimeoutMs);
  await crowds.joined(workers, signal);
  await witness.joined(relays || workers, signal);
  const joinedAt = Date.now();
  await crowds.reached(crowds.version + warmUpSteps);
  const before = await snapshotOf(coordinator, between, crowds);
  await setTimeout(1000 * seconds);
  await crowds.reached(before.version + leastSteps);
  const after = await snapshotOf(coordinator, between, crowds);
  const lost = Math.max((relays || workers) - witness.ready, crowds.gone);
  for (const line of witness.farewells) console.log(line);
  if (profileDirectory !== undefined) {
    coordinator.kill('SIGTERM');
    await coordinator.exit;
  }
  const steps = after.version - before.version;
  const times = crowds.stepTimes(before.version, after.version);
  const above = witness.perStep(before.version);
  return {
    ...task,
    parameters: parameterCount,
    shards,
    joinSeconds: (joinedAt - startedAt) / 1000,
    lost,
    steps,
    stepMs: (after.load.at - before.load.at) / steps,
    p50Ms: quantile(times, 0.5),
    p95Ms: quantile(times, 0.95),
    othersCores: othersCores(before.load, after.load),
    coordinator: { ...above, ...usedBetween(before.coordinator, after.coordinator, steps) },
    ...(relays === 0 ? {} : { relay: relayFigures(before, after, above) }),
  };
}

/** The next power of two: each worker has one, and some a second. */
function shardsFor(workers: number): number {
  return 2 ** Math.ceil(Math.log2(workers));
}

interface CoordinatorOptions extends Pick<ScaleTask, 'network'> {
  readonly shards: number;
  readonly cwd: string;
  readonly profileDirectory?: string;
}

function startCoordinator(
  t: TestScope,
  { network, shards, cwd, profileDirectory }: CoordinatorOptions,
): Tutti {
  const nodeFlags = profileDirectory ? ['--cpu-prof', `--cpu-prof-dir=${profileDirectory}`] : [];
  const flags = ['--test-samples=500', '--epochs=1000000', ...networks[network]];
  const cut = [`--batch-size=${Math.max(64, shards)}`, `--shards=${shards}`];
  const words = ['coordinator', '--json', '--port=0', ...flags, ...cut];
  return startTutti(t, words, { cwd, nodeFlags });
}

async function startRelays(
  t: TestScope,
  url: string,
  count: number,
  cwd: string,
): Promise<Tutti[]> {
  const relays = Array.from({ length: count }, async (_, at) => {
    const words = ['relay', url, '--port=0', `--name=relay-${at + 1}`];
    const relay = startTutti(t, words, { cwd });
    await relay.waitForText(/tutti worker http\S+\n/);
    return relay;
  });
  return Promise.all(relays);
}

/** Where its workers find a relay. */
function urlOf({ stdout }: Tutti): string {
  return /tutti worker (http\S+)/.exec(stdout)![1];
}

interface Use {
  readonly cpuMs: number;
  readonly residentBytes: number;
}

interface Snapshot {
  readonly load: Load;
  readonly version: number;
  /** What the workers have sent so far, and all that went over their sockets. */
  readonly answers: number;
  readonly bytes: number;
  readonly coordinator: Use;
  readonly relays: readonly Use[];
}

async function snapshotOf(
  coordinator: Tutti,
  relays: readonly Tutti[],
  { version, answers, bytes }: Crowds,
): Promise<Snapshot> {
  return {
    load: await loadNow(),
    version,
    answers,
    bytes,
    coordinator: await useNow(coordinator),
    relays: await Promise.all(relays.map(useNow)),
  };
}

async function useNow({ pid }: Tutti): Promise<Use> {
  const { bytes: residentBytes } = await useOf(pid);
  return { cpuMs: await cpuMsOf(pid), residentBytes };
}

type Used = Pick<NodeFigures, 'cpuMs' | 'firstBytes' | 'lastBytes'>;

function usedBetween(before: Use, after: Use, steps: number): Used {
  return {
    cpuMs: (after.cpuMs - before.cpuMs) / steps,
    firstBytes: before.residentBytes,
    lastBytes: after.residentBytes,
  };
}

/** Of one of them: the mean. What is sent between them and the coordinator, `above`, counts at both. */
function relayFigures(
  before: Snapshot,
  after: Snapshot,
  above: Pick<NodeFigures, 'bytes'>,
): NodeFigures {
  const { length } = after.relays;
  const steps = after.version - before.version;
  const each = after.relays.map((use, at) => usedBetween(before.relays[at], use, steps));
  const mean = (countOf: (used: Used) => number) =>
    each.reduce((sum, used) => sum + countOf(used), 0) / length;
  return {
    answers: (after.answers - before.answers) / steps / length,
    bytes: ((after.bytes - before.bytes) / steps + above.bytes) / length,
    cpuMs: mean(({ cpuMs }) => cpuMs),
    firstBytes: mean(({ firstBytes }) => firstBytes),
    lastBytes: mean(({ lastBytes }) => lastBytes),
  };
}

/** What the coordinator tells. */
class Witness {
  ready = 0;
  /** Who went, and why. */
  readonly farewells: string[] = [];
  readonly #news = new EventEmitter();
  readonly #steps: RunEventOf<'step'>[] = [];

  constructor(coordinator: Tutti) {
    void this.#listen(coordinator.events());
  }

  /** So many who answer to the coordinator itself are ready. */
  async joined(members: number, signal: AbortSignal): Promise<void> {
    while (this.ready < members) await once(this.#news, 'news', { signal });
  }

  /** Over the steps that were told of after `version`. */
  perStep(version: number): Pick<NodeFigures, 'bytes' | 'answers'> {
    const told = this.#steps.filter((step) => step.version >= version);
    const [first, last] = [told[0], told[told.length - 1]];
    const mean = (countOf: (counters: Counters) => number): number =>
      (countOf(last.counters) - countOf(first.counters)) / (last.version - first.version);
    return {
      bytes: mean(({ bytesIn, bytesOut }) => bytesIn + bytesOut),
      answers: mean(({ gradientsAccepted }) => gradientsAccepted),
    };
  }

  async #listen(events: AsyncIterable<RunEvent>): Promise<void> {
    for await (const event of events) {
      if (event.type === 'step') this.#steps.push(event);
      if (event.type === 'worker') this.#note(event);
      this.#news.emit('news');
    }
  }

  #note({ name, action, reason, workers }: RunEventOf<'worker'>): void {
    this.ready = workers;
    if (action === 'left' || action === 'expelled') {
      this.farewells.push(`${name} ${action}: ${reason}`);
    }
  }
}
