// The core of a run with a network of four weights, in virtual time: a test says what happens, and when.
import type { Snapshot } from '../coordinator/checkpoint.ts';
import { Core, type CoreOptions } from '../coordinator/core.ts';
import type { Answer, CoreEvent, Effect } from '../coordinator/core-types.ts';
import { defaultLeaseTimes } from '../coordinator/membership.ts';
import type { RobustSum } from '../coordinator/shard-set.ts';
import { aggregations } from '../shared/aggregations/index.ts';
import type { AggregationName } from '../shared/aggregations/names.ts';
import { float32 } from '../shared/codecs/float32.ts';
import type { Codec, Optimizer } from '../shared/contracts.ts';
import { sgd } from '../shared/optimizers/sgd.ts';
import { createPlan, type Plan, type PlanOptions } from '../shared/plan.ts';

const parameterCount = 4;

/** Long enough between probes that most steps here, of tens of milliseconds, have none. */
const leaseTimes = { ...defaultLeaseTimes, probeMs: 250 };

export type EffectOf<Type extends Effect['type']> = Extract<Effect, { type: Type }>;

export interface VirtualRunOptions extends Partial<PlanOptions> {
  /** Who is there when the first step opens, and how many milliseconds a shard takes them, as they say. */
  readonly workers?: Readonly<Record<string, number>>;
  /** Plain gradient descent, unless told. */
  readonly optimizer?: Optimizer;
  /** How gradients travel: as they are, unless told. */
  readonly codec?: Codec;
  /** Where to go on from, unless at the beginning. */
  readonly start?: Snapshot;
  /** In place of the mean. */
  readonly robust?: AggregationName;
  readonly sums?: CoreOptions['sums'];
  readonly onAccepted?: CoreOptions['onAccepted'];
}

export class VirtualRun {
  readonly plan: Plan;
  readonly core: Core;
  readonly robust: RobustSum | undefined;
  /** Milliseconds. */
  now = 0;
  /** All that came out of the core so far. */
  readonly effects: Effect[] = [];

  /** Two epochs of two steps; each step has 32 samples in 8 shards. */
  constructor({
    workers = {},
    optimizer = sgd.create(sgd.defaults),
    codec = float32,
    start = firstSnapshot(optimizer),
    robust,
    sums,
    onAccepted,
    ...changes
  }: VirtualRunOptions = {}) {
    const usual = { samples: 64, batchSize: 32, shards: 8, epochs: 2, seed: 0, shuffle: true };
    this.plan = createPlan({ ...usual, sharding: 'shuffled', ...changes });
    this.robust = robust && {
      aggregation: aggregations[robust],
      trainableCount: parameterCount,
    };
    const gradientCodec = { codec, seed: 0 };
    const { plan } = this;
    const learningRate = (): number => 1;
    this.core = new Core({
      plan,
      optimizer,
      gradientCodec,
      learningRate,
      start,
      leaseTimes,
      robust: this.robust,
      sums,
      onAccepted,
    });
    this.handle({ type: 'hold', cause: 'evaluation' });
    for (const [worker, shardMs] of Object.entries(workers)) this.join(worker, shardMs);
    this.handle({ type: 'hold', cause: 'none' });
  }

  handle(event: CoreEvent): Effect[] {
    const effects = this.core.handle(event, this.now);
    this.effects.push(...effects);
    return effects;
  }

  join(worker: string, shardMs: number): Effect[] {
    this.handle({ type: 'joined', worker, name: `${worker}'s name` });
    const shardSamples = this.plan.stepSize(0) / this.plan.shards;
    const samplesPerSecond = (1000 * shardSamples) / shardMs;
    return this.handle({ type: 'ready', worker, samplesPerSecond });
  }

  tickAt(now: number): Effect[] {
    this.now = now;
    return this.handle({ type: 'tick' });
  }

  /** The latest lease of a worker. */
  leaseOf(worker: string): EffectOf<'lease'> {
    const lease = only(this.effects, 'lease').findLast((effect) => effect.worker === worker);
    if (lease === undefined) throw new Error(`${worker} has never had a lease`);
    return lease;
  }

  /**
   * What the worker computes under a lease, run by run. Every sample has a loss of 1 and a gradient of ones, so
   * that the weights after n steps are -n, whoever computed what.
   */
  answersOf(worker: string, lease = this.leaseOf(worker)): Answer[] {
    const { epoch, step, version, runs } = lease;
    return runs.map((run) => {
      const samples = this.plan.runSize(step, run.start, run.length);
      const gradient = new Float32Array(parameterCount).fill(samples);
      return { ...run, epoch, step, version, samples, lossSum: samples, correct: 0, gradient };
    });
  }

  /** Answers all runs of the worker's latest lease, or of an older one. */
  answer(worker: string, lease?: EffectOf<'lease'>): Effect[] {
    const answers = this.answersOf(worker, lease);
    return answers.flatMap((answer) => this.handle({ type: 'answer', worker, answer }));
  }

  /** Answers the first run of the worker's lease with something else than what is right. */
  lie(worker: string, changes: Partial<Answer>): Effect[] {
    const [right] = this.answersOf(worker);
    return this.handle({ type: 'answer', worker, answer: { ...right, ...changes } });
  }
}

function firstSnapshot(optimizer: Optimizer): Snapshot {
  return {
    version: 0,
    epoch: 0,
    step: 0,
    weights: new Float32Array(parameterCount),
    optimizer: optimizer.init(parameterCount),
    epochTotals: { lossSum: 0, correct: 0, samples: 0, seconds: 0 },
  };
}

export function only<Type extends Effect['type']>(
  effects: readonly Effect[],
  type: Type,
): EffectOf<Type>[] {
  return effects.filter((effect): effect is EffectOf<Type> => effect.type === type);
}

export function shardsOf({ runs }: EffectOf<'lease'>): number[] {
  return runs.flatMap(({ start, length }) => Array.from({ length }, (_, at) => start + at));
}

/** Lets everybody compute at their true speed, whatever they said, until the run ends: milliseconds it took. */
export function workToTheEnd(run: VirtualRun, shardMs: Readonly<Record<string, number>>): number {
  interface Task {
    readonly worker: string;
    readonly answer: Answer;
    readonly doneAt: number;
  }
  const tasks: Task[] = [];
  const busyUntil = new Map<string, number>();
  const take = (worker: string): void => {
    let doneAt = Math.max(run.now, busyUntil.get(worker) ?? 0);
    for (const answer of run.answersOf(worker)) {
      doneAt += shardMs[worker] * answer.length;
      tasks.push({ worker, answer, doneAt });
    }
    busyUntil.set(worker, doneAt);
  };
  for (const { worker } of only(run.effects, 'lease')) take(worker);
  while (!run.core.ended) {
    tasks.sort((a, b) => a.doneAt - b.doneAt);
    const wakeAt = run.core.wakeAt();
    const isAnswer = tasks.length > 0 && tasks[0].doneAt <= wakeAt;
    const task = isAnswer ? tasks.shift() : undefined;
    run.now = Math.max(run.now, task?.doneAt ?? wakeAt);
    const effects = run.handle(task ? { type: 'answer', ...task } : { type: 'tick' });
    for (const { worker } of only(effects, 'lease')) take(worker);
  }
  return run.now;
}
