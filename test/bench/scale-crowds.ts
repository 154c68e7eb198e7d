// The processes full of prepared workers, and what they tell together.
import { type ChildProcess, fork } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { TestScope } from '../support.ts';
import type { CrowdNews, CrowdOptions } from './crowd.ts';

const crowdScript = fileURLToPath(new URL('./crowd.ts', import.meta.url));
/** A process has so many workers at most. */
const largestCrowd = 250;

export interface CrowdsOptions {
  /** Where they connect: to each of these as many. */
  readonly urls: readonly string[];
  readonly workers: number;
  readonly shardMs: number;
}

export function startCrowds(t: TestScope, { urls, workers, shardMs }: CrowdsOptions): Crowds {
  const behind = (at: number) =>
    Math.floor(((at + 1) * workers) / urls.length) - Math.floor((at * workers) / urls.length);
  const crowds = urls.flatMap((url, at) => sizesOf(behind(at)).map((size) => ({ url, size })));
  const processes = crowds.map(({ url, size }, at) => {
    const options: CrowdOptions = { url, name: `crowd-${at + 1}`, workers: size, shardMs };
    const crowd = fork(crowdScript, [JSON.stringify(options)], { execArgv: ['--import', 'tsx'] });
    t.onTestFinished(async () => void crowd.kill('SIGKILL'));
    return crowd;
  });
  return new Crowds(processes);
}

/** As even as can be. */
function sizesOf(workers: number): number[] {
  const processes = Math.ceil(workers / largestCrowd);
  return Array.from(
    { length: processes },
    (_, at) =>
      Math.floor(((at + 1) * workers) / processes) - Math.floor((at * workers) / processes),
  );
}

/** When they began with each version of the weights: the first of them counts. */
export class Crowds {
  readonly #starts = new Map<number, number>();
  readonly #latest = new Map<ChildProcess, CrowdNews>();
  readonly #news = new EventEmitter();
  version = 0;

  constructor(processes: readonly ChildProcess[]) {
    for (const crowd of processes) {
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

  /** Partial sums that they have sent so far. */
  get answers(): number {
    return this.#sumOf(({ answers }) => answers);
  }

  /** In and out of all their sockets so far. */
  get bytes(): number {
    return this.#sumOf(({ bytes }) => bytes);
  }

  /** Rejects when some have not come by then. */
  async joined(workers: number, signal: AbortSignal): Promise<void> {
    const come = () => this.#sumOf(({ joined }) => joined);
    while (come() < workers) {
      await once(this.#news, 'news', { signal }).catch((cause) => {
        throw new Error(`only ${come()} of ${workers} workers came in time`, { cause });
      });
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
