// How many workers one coordinator bears: a real one in its own process, and up to thousands of workers who compute
// nothing, in a few processes. What it costs to have them, not to compute, is what is measured. Linux only.
import { type ChildProcess, fork } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Counters, RunEvent, RunEventOf } from '../../shared/events.ts';
import { aligned } from '../aligned.ts';
import { useOf } from '../chaos/process-use.ts';
import { inScope, startTutti, type TestScope, type Tutti, temporaryFolder } from '../support.ts';
import type { CrowdNews, CrowdOptions } from './crowd.ts';
import { cpuMsOf } from './step-cost.ts';

export interface ScaleOptions {
  readonly workers: readonly number[];
  readonly networks: readonly NetworkName[];
  /** Relays between the workers and the coordinator, in one level; 0 for none. */
  readonly relays: readonly number[];
  /** What a shard takes a worker: so that nobody is fast enough to do the work of others, too. */
  readonly shardMs: number;
  /** Of measuring, after all have joined. */
  readonly seconds: number;
  /** Where to leave all figures as JSON. */
  readonly file?: string;
  /** Where the coordinator leaves a profile that Chrome's developer tools open. */
  readonly profileDirectory?: string;
}

/** A small one where the number of workers is the point, the reference where bytes are. */
const networks = {
  small: ['--hidden=8'],
  reference: [],
} as const satisfies Record<string, readonly string[]>;
type NetworkName = keyof typeof networks;
export const networkNames = Object.keys(networks) as NetworkName[];

export interface ScaleMeasurement {
  readonly network: NetworkName;
  readonly parameters: number;
  readonly workers: number;
  readonly relays: number;
  readonly shards: number;
  /** From the first connection to the last who is ready. */
  readonly joinSeconds: number;
  /** Who did not become ready, or went before the end. */
  readonly lost: number;
  readonly steps: number;
  readonly stepMs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  /** Of the coordinator, all threads. */
  readonly cpuMs: number;
  /** In and out of the coordinator, a step. */
  readonly bytes: number;
  /** Partial sums that came, a step. */
  readonly answers: number;
  readonly firstBytes: number;
  readonly lastBytes: number;
}

export interface ScaleFile {
  readonly machine: { readonly processor: string; readonly cores: number; readonly node: string };
  /** ISO 8601. */
  readonly date: string;
  readonly measurements: readonly ScaleMeasurement[];
}

const crowdScript = fileURLToPath(new URL('./crowd.ts', import.meta.url));
/** A process has so many workers at most. */
const largestCrowd = 250;
const joinTimeoutMs = 60_000;
/** Steps that do not count: speeds are learned and code is compiled. */
const warmUpSteps = 3;
const leastSteps = 3;

/** Prints a table. */
export async function measureScale(options: ScaleOptions): Promise<void> {
  const measurements: ScaleMeasurement[] = [];
  for (const network of options.networks) {
    for (const relays of options.relays) {
      for (const workers of options.workers) {
        const task = { network, relays, workers };
        measurements.push(await inScope((t) => measure(t, task, options)));
        console.log(rowOf(measurements.at(-1)!).join('  '));
      }
    }
  }
  console.log(`\n${aligned([head, ...measurements.map(rowOf)])}`);
  if (options.file === undefined) return;
  const [{ model: processor }] = cpus();
  const machine = { processor, cores: cpus().length, node: process.version };
  const content: ScaleFile = { machine, date: new Date().toISOString(), measurements };
  await writeFile(options.file, `${JSON.stringify(content, null, 2)}\n`);
}

type Task = Pick<ScaleMeasurement, 'network' | 'workers' | 'relays'>;

async function measure(
  t: TestScope,
  { network, workers, relays }: Task,
  { seconds, shardMs, profileDirectory }: ScaleOptions,
): Promise<ScaleMeasurement> {
  const shards = shardsFor(workers);
  const cwd = temporaryFolder(t);
  const coordinator = startTutti(
    t,
    [
      'coordinator',
      '--json',
      '--port=0',
      '--test-samples=500',
      '--epochs=1000000',
      `--batch-size=${Math.max(64, shards)}`,
      `--shards=${shards}`,
      ...networks[network],
    ],
    {
      cwd,
      nodeFlags: profileDirectory ? ['--cpu-prof', `--cpu-prof-dir=${profileDirectory}`] : [],
    },
  );
  const witness = new Witness(coordinator);
  const { url, parameterCount } = await coordinator.waitForEvent('run');
  const entrances = await startRelays(t, url, relays, cwd);
  const startedAt = Date.now();
  const timeline = new Timeline(startCrowds(t, entrances, workers, shardMs));
  const signal = AbortSignal.timeout(joinTimeoutMs);
  await timeline.joined(workers, signal);
  await witness.joined(relays || workers, signal);
  const joinedAt = Date.now();
  await timeline.reached(timeline.version + warmUpSteps);
  const before = await snapshotOf(coordinator, timeline);
  await setTimeout(1000 * seconds);
  await timeline.reached(before.version + leastSteps);
  const after = await snapshotOf(coordinator, timeline);
  const lost = Math.max((relays || workers) - witness.ready, timeline.gone);
  if (profileDirectory !== undefined) {
    coordinator.kill('SIGTERM');
    await coordinator.exit;
  }
  const steps = after.version - before.version;
  const times = timeline.stepTimes(before.version, after.version);
  return {
    network,
    parameters: parameterCount,
    workers,
    relays,
    shards,
    joinSeconds: (joinedAt - startedAt) / 1000,
    lost,
    steps,
    stepMs: (after.at - before.at) / steps,
    p50Ms: quantile(times, 0.5),
    p95Ms: quantile(times, 0.95),
    cpuMs: (after.cpuMs - before.cpuMs) / steps,
    ...witness.perStep(before.version),
    firstBytes: before.residentBytes,
    lastBytes: after.residentBytes,
  };
}

/** The next power of two: each worker has one, and some a second. */
function shardsFor(workers: number): number {
  return 2 ** Math.ceil(Math.log2(workers));
}

/** Where the workers connect: to the relays where there are some. */
async function startRelays(
  t: TestScope,
  url: string,
  count: number,
  cwd: string,
): Promise<string[]> {
  if (count === 0) return [url];
  const relays = Array.from({ length: count }, async (_, at) => {
    const words = ['relay', url, '--port=0', `--name=relay-${at + 1}`];
    const relay = startTutti(t, words, { cwd });
    await relay.waitForText(/tutti worker http/);
    return /tutti worker (http\S+)/.exec(relay.stdout)![1];
  });
  return Promise.all(relays);
}

function startCrowds(
  t: TestScope,
  urls: readonly string[],
  workers: number,
  shardMs: number,
): ChildProcess[] {
  const processes = Math.max(urls.length, Math.ceil(workers / largestCrowd));
  return Array.from({ length: processes }, (_, at) => {
    const share =
      Math.floor(((at + 1) * workers) / processes) - Math.floor((at * workers) / processes);
    const options: CrowdOptions = {
      url: urls[at % urls.length],
      name: `crowd-${at + 1}`,
      workers: share,
      shardMs,
    };
    const crowd = fork(crowdScript, [JSON.stringify(options)], { execArgv: ['--import', 'tsx'] });
    t.onTestFinished(async () => void crowd.kill('SIGKILL'));
    return crowd;
  });
}

interface Snapshot {
  readonly at: number;
  readonly version: number;
  readonly cpuMs: number;
  readonly residentBytes: number;
}

async function snapshotOf({ pid }: Tutti, { version }: Timeline): Promise<Snapshot> {
  const at = Date.now();
  const cpuMs = await cpuMsOf(pid);
  const { bytes: residentBytes } = await useOf(pid);
  return { at, version, cpuMs, residentBytes };
}

/** When the crowds began with each version of the weights: the first of them counts. */
class Timeline {
  readonly #starts = new Map<number, number>();
  readonly #latest = new Map<ChildProcess, CrowdNews>();
  readonly #news = new EventEmitter();
  version = 0;

  constructor(crowds: readonly ChildProcess[]) {
    for (const crowd of crowds) {
      crowd.on('message', (news: CrowdNews) => {
        for (const [version, at] of news.versions) this.#begin(version, at);
        this.#latest.set(crowd, news);
        this.#news.emit('news');
      });
    }
  }

  /** Workers that lost their connection so far. */
  get gone(): number {
    return this.#sumOf(({ gone }) => gone);
  }

  async joined(workers: number, signal: AbortSignal): Promise<void> {
    while (this.#sumOf(({ joined }) => joined) < workers) {
      await once(this.#news, 'news', { signal });
    }
  }

  async reached(version: number): Promise<void> {
    while (this.version < version) await once(this.#news, 'news');
  }

  /** In milliseconds, of the steps that follow `first` committed ones and end before `last` of them. */
  stepTimes(first: number, last: number): number[] {
    const starts = [...this.#starts].filter(([version]) => version >= first && version <= last);
    starts.sort(([one], [other]) => one - other);
    return starts.slice(1).map(([, at], before) => at - starts[before][1]);
  }

  #sumOf(count: (news: CrowdNews) => number): number {
    return [...this.#latest.values()].reduce((sum, news) => sum + count(news), 0);
  }

  #begin(version: number, at: number): void {
    this.#starts.set(version, Math.min(at, this.#starts.get(version) ?? at));
    this.version = Math.max(this.version, version);
  }
}

/** What the coordinator tells. */
class Witness {
  ready = 0;
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
  perStep(version: number): Pick<ScaleMeasurement, 'bytes' | 'answers'> {
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
      if (event.type === 'worker') this.ready = event.workers;
      this.#news.emit('news');
    }
  }
}

function quantile(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(part * (values.length - 1))];
}

const head = [
  'network',
  'workers',
  'relays',
  'joined s',
  'lost',
  'steps/s',
  'answers/step',
  'p50 ms',
  'p95 ms',
  'CPU ms/step',
  'MB/step',
  'MB first',
  'MB last',
];

function rowOf(row: ScaleMeasurement): string[] {
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
  return [
    row.network,
    String(row.workers),
    String(row.relays),
    row.joinSeconds.toFixed(1),
    String(row.lost),
    (1000 / row.stepMs).toFixed(2),
    row.answers.toFixed(0),
    row.p50Ms.toFixed(1),
    row.p95Ms.toFixed(1),
    row.cpuMs.toFixed(1),
    megabytes(row.bytes),
    megabytes(row.firstBytes),
    megabytes(row.lastBytes),
  ];
}
