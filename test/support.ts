// Tutti as people run it: real processes on this machine, gone when the test that started them is over.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { type RunEvent, type RunEventOf, runEventSchema } from '../shared/events.ts';

/** Whoever owns what is started: the context of a test. */
export interface TestScope {
  onTestFinished(cleanUp: () => Promise<void>): void;
}

/** Flags of a run whose steps take milliseconds: 32 of them an epoch. */
export const quickRun = ['--train-samples=2048', '--test-samples=500', '--hidden=32'];
/** Such a run that does not end before somebody ends it. */
export const endlessRun = [...quickRun, '--epochs=100000'];

const launcher = fileURLToPath(new URL('../deploy/tutti.js', import.meta.url));

export function temporaryFolder(t: TestScope): string {
  const folder = mkdtempSync(join(tmpdir(), 'tutti-'));
  t.onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** For what several tests compare with: all that `work` starts is gone when it is done. */
export async function inScope<Result>(work: (t: TestScope) => Promise<Result>): Promise<Result> {
  const cleanUps: (() => Promise<void>)[] = [];
  try {
    return await work({ onTestFinished: (cleanUp) => cleanUps.unshift(cleanUp) });
  } finally {
    for (const cleanUp of cleanUps) await cleanUp();
  }
}

export interface StartOptions {
  /** Holds `runs/` and the workers' cache. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Of Node itself. */
  readonly nodeFlags?: readonly string[];
}

/** A process that is told to end does not wait for its scopes: nothing of it may go on alone. */
const running = new Set<Tutti>();
process.on('exit', () => {
  for (const tutti of running) tutti.kill('SIGKILL');
});

/** `tutti ...words`, killed when the test ends. */
export function startTutti(
  t: TestScope,
  words: readonly string[],
  { cwd = temporaryFolder(t), env, nodeFlags = [] }: StartOptions = {},
): Tutti {
  const ownEnv = { XDG_CACHE_HOME: cwd, FORCE_COLOR: undefined, NO_COLOR: undefined, ...env };
  const child = spawn(process.execPath, [...nodeFlags, launcher, ...words], {
    cwd,
    env: { ...process.env, ...ownEnv },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const tutti = new Tutti(child);
  running.add(tutti);
  tutti.exit.then(() => running.delete(tutti));
  t.onTestFinished(async () => {
    tutti.kill('SIGKILL');
    await tutti.exit;
  });
  return tutti;
}

/** `tutti ...words` from start to end. */
export async function runTutti(t: TestScope, words: readonly string[], options?: StartOptions) {
  const tutti = startTutti(t, words, options);
  const status = await tutti.exit;
  return { status, stdout: tutti.stdout, stderr: tutti.stderr };
}

export class Tutti {
  /** Its status, once all that it printed is here: 128 and the signal's number if one ended it. */
  readonly exit: Promise<number>;
  /** Everything that it printed so far. */
  stdout = '';
  stderr = '';
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #news = new EventEmitter().setMaxListeners(0);
  #isOver = false;

  constructor(child: ChildProcessByStdio<null, Readable, Readable>) {
    this.#child = child;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      this.#news.emit('news');
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
      this.#news.emit('news');
    });
    this.exit = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        this.#isOver = true;
        this.#news.emit('news');
        resolve(code ?? 128 + constants.signals[signal ?? 'SIGKILL']);
      });
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** As `head` does when it has enough. */
  closeStdout(): void {
    this.#child.stdout.destroy();
  }

  /** The events of `--json`, from the first to the end of the process. Throws for a line that is none. */
  async *events(): AsyncGenerator<RunEvent> {
    let read = 0;
    for (;;) {
      const end = this.stdout.indexOf('\n', read);
      if (end >= 0) {
        yield parseEvent(this.stdout.slice(read, end));
        read = end + 1;
      } else if (this.#isOver) return;
      else await once(this.#news, 'news');
    }
  }

  /** All of them, when the process is over. */
  async allEvents(): Promise<RunEvent[]> {
    await this.exit;
    return this.eventsSoFar();
  }

  eventsSoFar(): RunEvent[] {
    const whole = this.stdout.slice(0, this.stdout.lastIndexOf('\n') + 1);
    return whole.split('\n').slice(0, -1).map(parseEvent);
  }

  /** The first such event, also when it came before. */
  async waitForEvent<Type extends RunEvent['type']>(
    type: Type,
    predicate: (event: RunEventOf<Type>) => boolean = () => true,
  ): Promise<RunEventOf<Type>> {
    const isMeant = (event: RunEvent): event is RunEventOf<Type> =>
      event.type === type && predicate(event as RunEventOf<Type>);
    for await (const event of this.events()) if (isMeant(event)) return event;
    throw new Error(`tutti ended without the ${type} that was waited for: ${this.stderr}`);
  }

  /** Until it has printed this, on either stream. */
  async waitForText(pattern: RegExp): Promise<void> {
    const isThere = () => pattern.test(this.stdout) || pattern.test(this.stderr);
    while (!isThere()) {
      if (this.#isOver) throw new Error(`tutti ended without ${pattern}: ${this.stderr}`);
      await once(this.#news, 'news');
    }
  }
}

function parseEvent(line: string): RunEvent {
  return v.parse(runEventSchema, JSON.parse(line));
}

type WorkerEvent = RunEventOf<'worker'>;

export interface Cluster {
  readonly coordinator: Tutti;
  readonly workers: readonly Tutti[];
  readonly url: string;
  readonly port: number;
  readonly runDirectory: string;
  /** A further worker process. */
  addWorker(...flags: string[]): Tutti;
  /** What the coordinator tells of the worker of this name. */
  waitForWorker(name: string, action: WorkerEvent['action']): Promise<WorkerEvent>;
  /** The end of the run, when the coordinator is gone too. */
  end(): Promise<RunEventOf<'end'>>;
}

export interface ClusterOptions {
  readonly workers?: number;
  /** Of `tutti coordinator`. */
  readonly flags?: readonly string[];
  readonly port?: number;
  readonly cwd?: string;
}

/** A coordinator that listens, and its workers on their way. */
export async function newCluster(
  t: TestScope,
  { workers = 1, flags = quickRun, port = 0, cwd = temporaryFolder(t) }: ClusterOptions = {},
): Promise<Cluster> {
  const coordinator = startTutti(t, ['coordinator', '--json', `--port=${port}`, ...flags], { cwd });
  const { url, runDirectory } = await coordinator.waitForEvent('run');
  const addWorker = (...more: string[]) => startTutti(t, ['worker', url, ...more], { cwd });
  return {
    coordinator,
    workers: Array.from({ length: workers }, () => addWorker()),
    url,
    port: Number(new URL(url).port),
    runDirectory,
    addWorker,
    waitForWorker: (name, action) =>
      coordinator.waitForEvent('worker', (event) => event.name === name && event.action === action),
    end: async () => {
      const end = await coordinator.waitForEvent('end');
      await coordinator.exit;
      return end;
    },
  };
}
