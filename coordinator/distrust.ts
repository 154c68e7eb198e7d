// Whose answers are not to be trusted, from which version on, and what follows from it.
import type { WorkerPeer } from './work-channel.ts';

/** By worker: what it gave before this version counts. */
export type Liars = ReadonlyMap<string, number>;

export interface DistrustOptions {
  /** A person should know. */
  readonly warn: (message: string) => void;
  /** Told of each that is new. */
  readonly onNews: () => void;
}

export class Distrust {
  readonly #options: DistrustOptions;
  readonly #liars = new Map<string, number>();

  constructor(options: DistrustOptions) {
    this.#options = options;
  }

  get liars(): Liars {
    return this.#liars;
  }

  convicted(worker: string): void {
    this.#liars.set(worker, 0);
    this.#options.onNews();
  }

  /** A relay says so of itself. What was known already is not told again: so nobody fills the log. */
  retracted({ worker, name }: WorkerPeer, since: number, reason: string): void {
    if (since >= (this.#liars.get(worker) ?? Number.POSITIVE_INFINITY)) return;
    this.#liars.set(worker, since);
    this.#options.warn(`${name} takes back what it gave from step ${since + 1} on: ${reason}`);
    this.#options.onNews();
  }
}
