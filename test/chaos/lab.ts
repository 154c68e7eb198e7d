// A run to do harm to: its processes as people start them, by name, and how far it has come.
import { join } from 'node:path';
import type { RunEventOf } from '../../shared/events.ts';
import type { Connect } from '../../worker/transport.ts';
import { startTutti, type TestScope, type Tutti, temporaryFolder } from '../support.ts';
import { hostWorker } from './hosted-worker.ts';
import { type Preload, preloaded } from './preload/index.ts';
import { Pulse } from './pulse.ts';

const smallNetwork = [
  '--train-samples=4096',
  '--test-samples=500',
  '--hidden=32',
  '--shards=8',
  '--only-engine=onnx',
];

/** Some seconds of training. */
export const smallRun: readonly string[] = [...smallNetwork, '--epochs=8'];
export const smallRunSteps = 512;

/** Some ten seconds or more. */
export const longerRun: readonly string[] = [...smallNetwork, '--epochs=20'];
export const longerRunSteps = 1280;

/** What a process of its own surroundings finds there. */
export interface Surroundings {
  readonly env?: Readonly<Record<string, string>>;
  readonly preload?: readonly Preload[];
}

export interface LabOptions extends Surroundings {
  /** Of the configuration. */
  readonly flags?: readonly string[];
  /** Further ones of the coordinator, also when it starts again. */
  readonly serveFlags?: readonly string[];
  /** What a worker takes for a shard, however fast this machine is, so that there is time for what happens. */
  readonly shardMs?: number;
}

export interface WorkerOptions extends Surroundings {
  /** Where it finds its coordinator, when not there where it is. */
  readonly url?: string;
  readonly shardMs?: number;
}

export async function openLab(
  t: TestScope,
  { flags = smallRun, serveFlags = [], shardMs = 4, ...surroundings }: LabOptions = {},
): Promise<Lab> {
  const folder = temporaryFolder(t);
  const start = (words: readonly string[], around: Surroundings): Tutti => {
    const options = { cwd: folder, env: environmentOf(around) };
    return startTutti(t, ['coordinator', '--json', ...words, ...serveFlags], options);
  };
  const coordinator = start(['--port=0', ...flags], surroundings);
  const { url, runDirectory } = await coordinator.waitForEvent('run');
  return new Lab({ t, folder, flags, shardMs, url, runDirectory, start, coordinator });
}

function environmentOf({ env, preload = [] }: Surroundings): Readonly<Record<string, string>> {
  return { ...env, ...preloaded(preload) };
}

interface LabParts {
  readonly t: TestScope;
  readonly folder: string;
  readonly flags: readonly string[];
  readonly shardMs: number;
  readonly url: string;
  readonly runDirectory: string;
  readonly start: (words: readonly string[], around: Surroundings) => Tutti;
  readonly coordinator: Tutti;
}

export class Lab {
  readonly workers = new Map<string, Tutti>();
  readonly #parts: LabParts;
  #coordinator: Tutti;

  constructor(parts: LabParts) {
    this.#parts = parts;
    this.#coordinator = parts.coordinator;
  }

  /** The latest. */
  get coordinator(): Tutti {
    return this.#coordinator;
  }

  get url(): string {
    return this.#parts.url;
  }

  get runDirectory(): string {
    return this.#parts.runDirectory;
  }

  /** The configuration of the run. */
  get flags(): readonly string[] {
    return this.#parts.flags;
  }

  /** Somebody who wants to go on with the run, where workers look for it unless told. */
  startRival(around: Surroundings = {}, port = new URL(this.url).port): Tutti {
    return this.#parts.start([`--resume=${this.runDirectory}`, `--port=${port}`], around);
  }

  /** From now on this is the coordinator: the one before must be gone. */
  succeed(coordinator = this.startRival()): Tutti {
    this.#coordinator = coordinator;
    return coordinator;
  }

  startWorker(name: string, options: WorkerOptions = {}): Tutti {
    const { t, folder } = this.#parts;
    const { url = this.url, shardMs = this.#parts.shardMs, preload = [] } = options;
    const env = environmentOf({
      env: { ...options.env, SHARD_MS: String(shardMs) },
      preload: ['steady-computer.js', ...preload],
    });
    const worker = startTutti(t, ['worker', url, `--name=${name}`], { cwd: folder, env });
    this.workers.set(name, worker);
    return worker;
  }

  /** Resolves to where its own workers find it. */
  async startRelay(name: string, port = 0): Promise<string> {
    const { t, folder } = this.#parts;
    const words = ['relay', this.url, `--name=${name}`, `--port=${port}`];
    const relay = startTutti(t, words, { cwd: folder });
    this.workers.set(name, relay);
    await relay.waitForText(/Workers join with: .*\n/);
    return /worker (http\S+)/.exec(relay.stdout)![1];
  }

  startWorkers(...names: string[]): void {
    for (const name of names) this.startWorker(name);
  }

  /** From now on. */
  takePulse(): Pulse {
    return new Pulse(this.#parts.t, join(this.runDirectory, 'ledger.ndjson'));
  }

  /** A worker in this process: see `hosted-worker.ts`. */
  hostWorker(name: string, tamper: (connect: Connect) => Connect, url = this.url): void {
    const { t, folder } = this.#parts;
    hostWorker(t, { name, url, cacheDirectory: folder, tamper });
  }

  worker(name: string): Tutti {
    const worker = this.workers.get(name);
    if (worker === undefined) throw new Error(`nobody is called ${name}`);
    return worker;
  }

  /** Until a worker of that name can compute. */
  async ready(name: string): Promise<RunEventOf<'worker'>> {
    return this.#coordinator.waitForEvent('worker', (event) => {
      return event.name === name && event.action === 'ready';
    });
  }

  /** Until so many compute behind the relay of that name. */
  async behind(name: string, count: number): Promise<RunEventOf<'workers'>> {
    const { lastSeq } = this;
    return this.#coordinator.waitForEvent('workers', ({ rows, seq }) => {
      return seq > lastSeq && rows.some((row) => row.name === name && row.behind === count);
    });
  }

  async allReady(): Promise<void> {
    await Promise.all([...this.workers.keys()].map((name) => this.ready(name)));
  }

  /** Until so many steps are committed. */
  async reached(steps: number): Promise<RunEventOf<'step'>> {
    return this.#coordinator.waitForEvent('step', ({ version }) => version >= steps);
  }

  /** Number of the latest event: whatever happens from now on has a higher one. */
  get lastSeq(): number {
    const { stdout } = this.#coordinator;
    const lines = stdout.slice(0, stdout.lastIndexOf('\n')).split('\n');
    return JSON.parse(lines.at(-1)!).seq;
  }

  get isOver(): boolean {
    return this.#coordinator.stdout.includes('{"type":"end"');
  }

  /** The end of the run, when its coordinator is gone too. */
  async end(): Promise<RunEventOf<'end'>> {
    const end = await this.#coordinator.waitForEvent('end');
    await this.#coordinator.exit;
    return end;
  }

  /** All that became of a worker, when the coordinator is gone. */
  async storyOf(name: string): Promise<RunEventOf<'worker'>[]> {
    await this.#coordinator.exit;
    return this.storySoFar(name);
  }

  storySoFar(name: string): RunEventOf<'worker'>[] {
    const events = this.#coordinator.eventsSoFar();
    return events.filter((event) => event.type === 'worker').filter((event) => event.name === name);
  }
}
