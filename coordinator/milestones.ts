// What happens beside training at the end of an epoch and now and then: evaluations and checkpoints, in order,
// so that a checkpoint is durable only after the epochs before it are evaluated and told.
import { evaluatedWeights } from '../shared/optimizers/average.ts';
import type { RunArchive } from './archive.ts';
import { Background } from './background.ts';
import type { Snapshot } from './checkpoint.ts';
import type { EpochSummary, HoldCause } from './core-types.ts';
import type { Evaluation } from './evaluation.ts';
import type { EventLog } from './event-log.ts';

export interface MilestonesOptions {
  readonly archive: RunArchive;
  readonly log: EventLog;
  /** On a copy of the weights, or on their average; may take its time. */
  readonly evaluate: (weights: Float32Array) => Promise<Evaluation>;
  /** Training is too far ahead, or no longer is ('none'). */
  readonly onHold: (cause: HoldCause) => void;
  readonly onEvaluated: (summary: EpochSummary, snapshot: Snapshot, result: Evaluation) => void;
  readonly onFailure: (error: unknown) => void;
}

/** More unfinished tasks than this hold training back: each keeps a copy of the weights. */
const maxUnfinished = 4;

export class Milestones {
  readonly #options: MilestonesOptions;
  readonly #background: Background;
  #latest: { readonly version: number; readonly evaluation: Evaluation } | undefined;

  constructor(options: MilestonesOptions) {
    this.#options = options;
    this.#background = new Background(() => {
      const { cause = 'none' } = this.#background;
      options.onHold(this.isBehind ? cause : 'none');
    });
  }

  /** Training is held back until some of it is done. */
  get isBehind(): boolean {
    return this.#background.length > maxUnfinished;
  }

  /** Nothing is being evaluated or written. */
  get isIdle(): boolean {
    return this.#background.length === 0;
  }

  /** Settles when all that has come up so far is done. */
  get done(): Promise<void> {
    return this.#background.done;
  }

  /** Of the latest evaluation. */
  get testAccuracy(): number | undefined {
    return this.#latest?.evaluation.accuracy;
  }

  epoch(summary: EpochSummary, snapshot: Snapshot): void {
    this.#run('evaluation', async () => {
      this.#options.onEvaluated(summary, snapshot, await this.#evaluate(snapshot));
    });
    this.checkpoint(snapshot);
  }

  checkpoint(snapshot: Snapshot): void {
    this.#run('checkpoint', () => this.#save(snapshot));
  }

  /**
   * Resolves when all is done and the last weights are on disk, evaluated if `isComplete`; to what went wrong when they
   * are not.
   */
  async finish(snapshot: Snapshot, isComplete: boolean): Promise<string | undefined> {
    if (isComplete) this.#run('evaluation', async () => void (await this.#evaluate(snapshot)));
    await this.#background.add('checkpoint', () => this.#save(snapshot));
    return this.#options.archive.writeModel(evaluatedWeights(snapshot)).then(
      () => undefined,
      ({ message }: Error) => `the trained weights could not be written: ${message}`,
    );
  }

  #run(cause: 'evaluation' | 'checkpoint', task: () => Promise<void>): void {
    this.#background.add(cause, task).catch(this.#options.onFailure);
  }

  async #evaluate(snapshot: Snapshot): Promise<Evaluation> {
    const { version } = snapshot;
    if (this.#latest?.version !== version) {
      const evaluation = await this.#options.evaluate(evaluatedWeights(snapshot));
      this.#latest = { version, evaluation };
    }
    return this.#latest.evaluation;
  }

  /** A disk that fails does not end training: the checkpoint before stands, and that is said. */
  async #save(snapshot: Snapshot): Promise<void> {
    const { archive, log } = this.#options;
    const { version } = snapshot;
    const startedAt = performance.now();
    const lastTestAccuracy = this.testAccuracy ?? snapshot.lastTestAccuracy;
    const evaluated = lastTestAccuracy === undefined ? snapshot : { ...snapshot, lastTestAccuracy };
    const saved = await archive.saveCheckpoint(evaluated).then(
      (path) => ({ path }),
      (error: Error) => ({ path: archive.directory, error: error.message }),
    );
    const seconds = (performance.now() - startedAt) / 1000;
    log.add({ type: 'checkpoint', version, seconds, ...saved });
  }
}
