// Weights, optimizer and accounts of a run: what a commit changes and a checkpoint keeps.
import type { NewVector, Optimizer, OptimizerState } from '../shared/contracts.ts';
import { evaluatedWeights } from '../shared/optimizers/average.ts';
import type { Plan } from '../shared/plan.ts';
import type { PartialSum } from '../shared/tree-sum.ts';
import { plainVector } from '../shared/vectors/loops.ts';
import type { Snapshot } from './checkpoint.ts';
import type { CoreCounters, Effect } from './core-types.ts';
import type { OpenStep } from './open-step.ts';

export interface TrainingOptions {
  readonly plan: Plan;
  readonly optimizer: Optimizer;
  /**
   * Learning rate of the step that follows `version` committed ones; of a round, that of its last local step. For a
   * step that was opened it always is the same.
   */
  readonly learningRate: (version: number) => number;
  /** Where to start: version 0 with initial weights, or a checkpoint. Its vectors are copied. */
  readonly start: Snapshot;
  /** Makes the vectors that every step goes through. */
  readonly newVector?: NewVector;
  readonly checkpointEverySteps?: number;
  readonly checkpointEveryMs?: number;
}

export class TrainingState {
  /** Changed in place by each commit. */
  readonly weights: Float32Array;
  readonly counters: CoreCounters;
  readonly #options: TrainingOptions;
  readonly #optimizerState: OptimizerState;
  #version: number;
  #epochTotals: Snapshot['epochTotals'];
  /** Set by the first lease of the run: waiting for the first worker is not training time. */
  #epochStartedAt: number | undefined;
  #checkpointedVersion: number;
  #checkpointedAt: number | undefined;

  constructor(options: TrainingOptions) {
    const { start, newVector = plainVector } = options;
    this.#options = options;
    this.weights = newVector(start.weights.length);
    this.weights.set(start.weights);
    this.#optimizerState = copyState(start.optimizer, newVector);
    this.#version = start.version;
    this.#checkpointedVersion = start.version;
    this.#epochTotals = start.epochTotals;
    this.counters = { ...(start.counters ?? noCounters) };
  }

  /** Committed steps. */
  get version(): number {
    return this.#version;
  }

  startClock(now: number): void {
    this.#epochStartedAt ??= now;
    this.#checkpointedAt ??= now;
  }

  /** Takes the optimizer's step with the complete sum of `step`. */
  commit(step: OpenStep, total: PartialSum, now: number): Effect[] {
    const { plan, optimizer, learningRate } = this.#options;
    const { samples, epoch, contributions } = step;
    const { lossSum, correct } = total;
    const rate = learningRate(this.#version);
    optimizer.update({
      weights: this.weights,
      state: this.#optimizerState,
      gradientSum: total.gradient,
      samples,
      learningRate: rate,
      step: this.#version,
    });
    this.#version++;
    this.counters.samplesCommitted += samples;
    this.#epochTotals = {
      lossSum: this.#epochTotals.lossSum + lossSum,
      correct: this.#epochTotals.correct + correct,
      samples: this.#epochTotals.samples + samples,
      seconds: this.#epochTotals.seconds,
    };
    const record = {
      version: this.#version,
      epoch,
      step: step.step,
      samples,
      lossSum,
      correct,
      learningRate: rate,
      shards: [...contributions].sort((a, b) => a.start - b.start),
    };
    const isLast = this.#version % plan.stepsPerEpoch === 0;
    const after = isLast ? this.#endEpoch(epoch, now) : this.#checkpointIfDue(now);
    return [{ type: 'commit', record }, ...after];
  }

  /** The step will not be committed: what was accepted for it was computed for nothing. */
  abandon({ step, contributions }: OpenStep): void {
    this.counters.gradientsAccepted -= contributions.length;
    for (const { start, length } of contributions) {
      this.counters.samplesWasted += this.#options.plan.runSize(step, start, length);
    }
  }

  #endEpoch(epoch: number, now: number): Effect[] {
    const summary = { epoch, ...this.#timedTotals(now) };
    this.#epochTotals = noTotals;
    this.#epochStartedAt = now;
    this.#checkpointed(now);
    return [{ type: 'epoch', summary, snapshot: this.snapshot(now) }];
  }

  #checkpointIfDue(now: number): Effect[] {
    const { checkpointEverySteps, checkpointEveryMs } = this.#options;
    const steps = this.#version - this.#checkpointedVersion;
    const elapsedMs = now - (this.#checkpointedAt ?? now);
    const isDue =
      (checkpointEverySteps !== undefined && steps >= checkpointEverySteps) ||
      (checkpointEveryMs !== undefined && elapsedMs >= checkpointEveryMs);
    return isDue ? [this.checkpoint(undefined, now)] : [];
  }

  /** As of the last commit: what was accepted for `open` will be accepted again. */
  checkpoint(open: OpenStep | undefined, now: number): Effect {
    this.#checkpointed(now);
    const snapshot = this.snapshot(now);
    const { gradientsAccepted } = this.counters;
    const counters = {
      ...this.counters,
      gradientsAccepted: gradientsAccepted - (open?.contributions.length ?? 0),
    };
    return { type: 'checkpoint', snapshot: { ...snapshot, counters } };
  }

  #checkpointed(now: number): void {
    this.#checkpointedVersion = this.#version;
    this.#checkpointedAt = now;
  }

  /** As an evaluation at this moment would take them; the next commit may change them in place. */
  evaluatedWeights(): Float32Array {
    const { version, weights } = this;
    return evaluatedWeights({ version, weights, optimizer: this.#optimizerState });
  }

  /** A copy of all that resuming needs, as of the last commit. */
  snapshot(now: number): Snapshot {
    return {
      version: this.#version,
      ...this.#options.plan.position(this.#version),
      weights: this.weights.slice(),
      optimizer: copyState(this.#optimizerState),
      epochTotals: this.#timedTotals(now),
      counters: { ...this.counters },
    };
  }

  #timedTotals(now: number): Snapshot['epochTotals'] {
    const elapsedMs = this.#epochStartedAt === undefined ? 0 : now - this.#epochStartedAt;
    return { ...this.#epochTotals, seconds: this.#epochTotals.seconds + elapsedMs / 1000 };
  }
}

const noTotals: Snapshot['epochTotals'] = { lossSum: 0, correct: 0, samples: 0, seconds: 0 };

export const noCounters: CoreCounters = {
  samplesCommitted: 0,
  samplesWasted: 0,
  gradientsAccepted: 0,
  gradientsDuplicate: 0,
  gradientsLate: 0,
  gradientsRejected: 0,
};

function copyState(state: OptimizerState, newVector: NewVector = plainVector): OptimizerState {
  const copyOf = (values: Float32Array): Float32Array => {
    const copy = newVector(values.length);
    copy.set(values);
    return copy;
  };
  return Object.fromEntries(Object.entries(state).map(([name, values]) => [name, copyOf(values)]));
}
