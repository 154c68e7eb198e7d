// Some of the answers that were used are computed again, by whoever is trusted, and compared. Which ones is drawn from
// the system's randomness: nobody can tell beforehand, and the result of the run does not depend on it.
import { webcrypto } from 'node:crypto';
import type { Codec } from '../shared/contracts.ts';
import type { ShardRun } from '../shared/protocol.ts';
import type { Answer } from './core-types.ts';

/** An answer that was used, and what it takes to compute it again. */
export interface AuditTask extends ShardRun {
  /** Of the worker. */
  readonly name: string;
  readonly epoch: number;
  readonly step: number;
  readonly version: number;
  /** Of local steps, in place of the configured one. */
  readonly learningRate?: number;
  /** That the worker says it computes with: `onnx:cpu`. */
  readonly engine: string;
  /** As the worker had them: those of the version as they travel. The task's own. */
  readonly weights: Float32Array;
  /** As it was added. The task's own. */
  readonly gradient: Float32Array;
  readonly lossSum: number;
  readonly correct: number;
}

export type AuditVerdict =
  | { readonly kind: 'right' }
  /** Further off than engines are as a rule, and not so far that no honest one could be. */
  | { readonly kind: 'unclear' }
  | { readonly kind: 'wrong'; readonly text: string };

export interface AuditsOptions {
  /** Of the answers of a worker of some standing, about this part is drawn: from 0 to 1. */
  readonly rate: number;
  /** One after the other. */
  readonly audit: (task: AuditTask) => Promise<AuditVerdict>;
  readonly onVerdict: (worker: string, verdict: AuditVerdict, name: string) => void;
  /** No audit takes place after this. */
  readonly onFailure: (error: Error) => void;
  /** Uniform in [0, 1), and not to be foreseen. */
  readonly draw?: () => number;
}

/** Counted since the coordinator was started. */
export interface AuditCounts {
  readonly checked: number;
  readonly unclear: number;
  readonly wrong: number;
  /** Drawn, and not computed because too many waited. */
  readonly skipped: number;
}

interface Standing {
  /** Audits that found nothing wrong. */
  passed: number;
  /** One of its answers waits: no other is drawn, so that nobody keeps the auditor from the others. */
  isWaiting: boolean;
}

/** Each holds two vectors. */
const maxWaiting = 8;

export class Audits {
  readonly #options: AuditsOptions;
  readonly #draw: () => number;
  readonly #standings = new Map<string, Standing>();
  readonly #counts = { checked: 0, unclear: 0, wrong: 0, skipped: 0 };
  #waiting = 0;
  #hasFailed = false;
  #tail: Promise<void> = Promise.resolve();

  constructor(options: AuditsOptions) {
    this.#options = options;
    this.#draw = options.draw ?? secretDraw;
  }

  get counts(): AuditCounts {
    return this.#counts;
  }

  /** Settles when nothing waits any more. */
  get idle(): Promise<void> {
    return this.#tail;
  }

  /** Told of every answer that is used, before its step can commit. `taskOf` copies what has to be kept. */
  accepted(worker: string, taskOf: () => AuditTask): void {
    const standing = this.#standings.get(worker) ?? { passed: 0, isWaiting: false };
    this.#standings.set(worker, standing);
    if (this.#hasFailed || standing.isWaiting) return;
    if (this.#draw() >= chanceOf(this.#options.rate, standing.passed)) return;
    if (this.#waiting >= maxWaiting) return void this.#counts.skipped++;
    const task = taskOf();
    this.#waiting++;
    standing.isWaiting = true;
    this.#tail = this.#tail.then(() => this.#check(worker, standing, task));
  }

  /** Whoever comes again is a newcomer. */
  forgetAllBut(present: ReadonlyMap<string, unknown>): void {
    for (const worker of this.#standings.keys()) {
      if (!present.has(worker)) this.#standings.delete(worker);
    }
  }

  async #check(worker: string, standing: Standing, task: AuditTask): Promise<void> {
    try {
      if (this.#hasFailed) return;
      const verdict = await this.#options.audit(task);
      this.#counts.checked++;
      if (verdict.kind === 'right') standing.passed++;
      else this.#counts[verdict.kind]++;
      this.#options.onVerdict(worker, verdict, task.name);
    } catch (error) {
      this.#hasFailed = true;
      this.#options.onFailure(error as Error);
    } finally {
      this.#waiting--;
      standing.isWaiting = false;
    }
  }
}

/** The first answer of a newcomer is drawn this many times as often as the rate says ... */
const newcomerFactor = 20;
/** ... and one of a worker that has passed often this many times. */
const provenFactor = 0.5;

/** That an answer is drawn, of a worker of which so many were found right. */
export function chanceOf(rate: number, passed: number): number {
  return Math.min(1, rate * Math.max(newcomerFactor / (1 + passed), provenFactor));
}

function secretDraw(): number {
  const [word] = webcrypto.getRandomValues(new Uint32Array(1));
  return word / 2 ** 32;
}

/** What workers were sent, as they have it: `length` weights of an audit's own, because the place of `bytes` is used again. */
export function weightsAsSent(codec: Codec, bytes: Uint8Array, length: number): Float32Array {
  const own = new Float32Array(length);
  const decoded = codec.decode(bytes, own);
  if (decoded !== own) own.set(decoded);
  return own;
}

/** What an audit of this answer needs, copied: the answer's memory is about to change. */
export function auditTaskOf(
  { start, length, epoch, step, version, gradient, lossSum, correct }: Answer,
  about: Pick<AuditTask, 'name' | 'engine' | 'learningRate' | 'weights'>,
): AuditTask {
  return {
    ...about,
    start,
    length,
    epoch,
    step,
    version,
    gradient: gradient.slice(),
    lossSum,
    correct,
  };
}
