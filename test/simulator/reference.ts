// What a run must come to, folded from its options alone: nothing of the core, no workers.
import type { Snapshot } from '../../coordinator/checkpoint.ts';
import type { RateChange } from '../../coordinator/learning-rates.ts';
import type { LedgerRecord } from '../../coordinator/ledger.ts';
import { createPlan, type Plan, type PlanOptions } from '../../shared/plan.ts';
import { createRandom, permutation } from '../../shared/random.ts';
import { gradientSum, learningRate, model, optimizer, type Place } from './arithmetic.ts';
import { violated } from './violation.ts';

export type Totals = Omit<Snapshot['epochTotals'], 'seconds'>;

/** A run after some steps. */
export interface Stage {
  readonly version: number;
  readonly weights: Float32Array;
  readonly momentum: Float32Array;
  /** Of the step that led here. */
  readonly learningRate: number;
  readonly step: Totals;
  /** Of the steps so far of the epoch that this step belongs to. */
  readonly epoch: Totals;
}

const nothing: Totals = { lossSum: 0, correct: 0, samples: 0 };

export class Reference {
  readonly #options: PlanOptions;
  readonly #stepsPerEpoch: number;
  readonly #steps: number;
  readonly #stages: Stage[] = [firstStage()];
  /** What an administrator set, by the version before the step; none where nobody did. */
  readonly #bases: number[] = [];
  #order: Uint32Array = new Uint32Array();
  #orderedEpoch = -1;

  constructor(options: PlanOptions) {
    this.#options = options;
    this.#stepsPerEpoch = Math.ceil(options.samples / options.batchSize);
    this.#steps = this.#stepsPerEpoch * options.epochs;
  }

  stageAt(version: number): Stage {
    for (let next = this.#stages.length; next <= version; next++) {
      const rate = learningRate(next - 1, this.#bases[next - 1]);
      this.#stages.push(nextStage(this.#stages[next - 1], this.#samplesAfter(next - 1), rate));
    }
    return this.#stages[version];
  }

  /** From this version on, whatever was set for later ones before; what a crash took back comes out otherwise now. */
  changeRate({ fromVersion, learningRate: base }: RateChange): void {
    for (let version = fromVersion; version < this.#steps; version++) this.#bases[version] = base;
    this.#stages.length = Math.min(this.#stages.length, fromVersion + 1);
  }

  /** Which samples the step after `version` steps is made of. */
  #samplesAfter(version: number): { place: Place; samples: Uint32Array } {
    const { batchSize } = this.#options;
    const epoch = Math.floor(version / this.#stepsPerEpoch);
    const step = version % this.#stepsPerEpoch;
    if (epoch !== this.#orderedEpoch) this.#order = orderOf(this.#options, epoch);
    this.#orderedEpoch = epoch;
    const batch = this.#order.subarray(step * batchSize, (step + 1) * batchSize);
    return { place: { version, epoch, step }, samples: batch };
  }
}

/** Only where parts make it depend on the shards, the plan is asked. */
function orderOf(options: PlanOptions, epoch: number): Uint32Array {
  const { samples, sharding, shuffle, seed } = options;
  if (sharding === 'sticky') return orderOfPlan(options, epoch);
  return shuffle
    ? permutation(samples, createRandom(seed, 'shuffle', epoch))
    : Uint32Array.from({ length: samples }, (_, index) => index);
}

function orderOfPlan(options: PlanOptions, epoch: number): Uint32Array {
  const plan = createPlan(options);
  const order: number[] = [];
  for (let step = 0; step < plan.stepsPerEpoch; step++) {
    for (let shard = 0; shard < plan.shards; shard++) {
      order.push(...plan.shardIndices(epoch, step, shard));
    }
  }
  return Uint32Array.from(order);
}

/** Where training is when exactly the shards that a ledger speaks of were summed, line by line. */
export function replay(records: readonly LedgerRecord[], plan: Plan): Stage {
  let stage = firstStage();
  for (const { version, epoch, step, shards, learningRate: rate } of records) {
    if (version !== stage.version + 1) violated(`the ledger has ${version} after ${stage.version}`);
    const samples = shards.flatMap(({ start, length }) =>
      Array.from({ length }, (_, at) => [...plan.shardIndices(epoch, step, start + at)]).flat(),
    );
    stage = nextStage(stage, { place: { version: version - 1, epoch, step }, samples }, rate);
  }
  return stage;
}

function firstStage(): Stage {
  const weights = Float32Array.from({ length: model.parameterCount }, (_, at) => at + 1);
  const momentum = new Float32Array(weights.length);
  return { version: 0, weights, momentum, learningRate: 0, step: nothing, epoch: nothing };
}

interface Batch {
  readonly place: Place;
  readonly samples: ArrayLike<number> & Iterable<number>;
}

function nextStage(before: Stage, { place, samples }: Batch, rate: number): Stage {
  const weights = before.weights.slice();
  const momentum = before.momentum.slice();
  const { gradient, lossSum, correct } = gradientSum(place, weights, samples);
  optimizer.update({
    weights,
    state: { momentum },
    gradientSum: gradient,
    samples: samples.length,
    learningRate: rate,
    step: place.version,
  });
  const step = { lossSum, correct, samples: samples.length };
  const soFar = place.step === 0 ? nothing : before.epoch;
  const epoch = {
    lossSum: soFar.lossSum + lossSum,
    correct: soFar.correct + correct,
    samples: soFar.samples + samples.length,
  };
  return { version: place.version + 1, weights, momentum, learningRate: rate, step, epoch };
}

/** Where a new run starts. */
export function firstSnapshot(): Snapshot {
  const { version, weights, momentum, epoch } = firstStage();
  const epochTotals = { ...epoch, seconds: 0 };
  return { version, epoch: 0, step: 0, weights, optimizer: { momentum }, epochTotals };
}
