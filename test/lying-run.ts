// A run in this process, without sockets and clock, in which some workers turn their gradients around: the real core,
// the real audits, real gradients. All compute on one engine, one after the other.
import { Audits, type AuditsOptions, auditTaskOf } from '../coordinator/audits.ts';
import { Core } from '../coordinator/core.ts';
import type { Answer, CoreEvent } from '../coordinator/core-types.ts';
import { evaluate } from '../coordinator/evaluation.ts';
import { robustSumOf } from '../coordinator/shard-set.ts';
import { auditAnswer, auditPlaceOf } from '../deploy/audit-answer.ts';
import { roundSum } from '../shared/codecs/rounding.ts';
import { learningRateFor, optimizerFor, type RunConfig } from '../shared/config.ts';
import type { Dataset, Engine } from '../shared/contracts.ts';
import { initialWeights } from '../shared/model/model.ts';
import type { ShardRun } from '../shared/protocol.ts';
import { createRandom } from '../shared/random.ts';
import { sumOfRun, treeOf } from '../worker/run-sum.ts';

export interface LyingRunOptions {
  readonly config: RunConfig;
  readonly dataset: Dataset;
  readonly engine: Engine;
  /** What audits compute with; that of the workers unless told. */
  readonly auditor?: Engine;
  readonly workers: number;
  /** How many of them turn every gradient around ... */
  readonly liars: number;
  /** ... and make it this many times as long; 1 unless told. */
  readonly force?: number;
  /** No audits unless told. */
  readonly audits?: Pick<AuditsOptions, 'rate' | 'draw'>;
  /** Of how long each shard takes. */
  readonly seed?: number;
}

export interface LyingRunEnd {
  readonly weights: Float32Array;
  /** On the test images. */
  readonly accuracy: number;
  /** Shards that each expelled worker had answered by then. */
  readonly caught: ReadonlyMap<string, number>;
  readonly counts: Audits['counts'];
}

interface Task {
  readonly worker: string;
  readonly epoch: number;
  readonly step: number;
  readonly version: number;
  readonly run: ShardRun;
  readonly doneAt: number;
}

/** Of everybody, but for some noise. */
const shardMs = 10;

/** Liars are called `liar-1` and so on, the others `honest-1`. */
export async function runWithLiars(options: LyingRunOptions): Promise<LyingRunEnd> {
  const { config, dataset, engine, workers, liars, force = 1, seed = 0 } = options;
  const place = await auditPlaceOf(config, dataset.train, engine);
  const { model, plan, gradientCodec } = place;
  const auditPlace = await auditPlaceOf(config, dataset.train, options.auditor ?? engine);
  const random = createRandom(seed, 'lying-run');
  const rateFor = learningRateFor(config, plan);
  const optimizer = optimizerFor(config);
  const events: CoreEvent[] = [];
  const audits = new Audits({
    rate: 0,
    ...options.audits,
    audit: (task) => auditAnswer(auditPlace, task),
    onVerdict: (worker, { kind }) => {
      if (kind === 'wrong') events.push({ type: 'expel', worker, reason: 'audit' });
    },
    onFailure: (error) => {
      throw error;
    },
  });
  const core = new Core({
    plan,
    optimizer,
    gradientCodec,
    robust: robustSumOf(config),
    onAccepted: (worker, answer) => {
      audits.accepted(worker, () =>
        auditTaskOf(answer, { name: worker, engine: engine.label, weights: core.weights.slice() }),
      );
    },
    learningRate: (version) => rateFor(version),
    start: {
      version: 0,
      epoch: 0,
      step: 0,
      weights: initialWeights(model, config.seed),
      optimizer: optimizer.init(model.parameterCount),
      epochTotals: { lossSum: 0, correct: 0, samples: 0, seconds: 0 },
    },
  });
  const answered = new Map<string, number>();
  const caught = new Map<string, number>();
  let tasks: Task[] = [];
  let now = 0;
  const handle = (event: CoreEvent): void => {
    for (const effect of core.handle(event, now)) {
      if (effect.type === 'lease') {
        const { worker, epoch, step, version, runs } = effect;
        let doneAt = now;
        for (const run of runs) {
          doneAt += shardMs * run.length * (0.8 + 0.4 * random.uniform());
          tasks.push({ worker, epoch, step, version, run, doneAt });
        }
      } else if (effect.type === 'expel') {
        caught.set(effect.worker, answered.get(effect.worker) ?? 0);
        tasks = tasks.filter(({ worker }) => worker !== effect.worker);
      }
    }
  };
  const answerOf = async ({ worker, run, ...at }: Task): Promise<Answer> => {
    engine.load(core.weights);
    const subtree = { ...at, ...run };
    const tree = treeOf(place, subtree);
    const work = { ...at, run, learningRate: undefined, weights: core.weights };
    const sum = (await sumOfRun(place, tree, { ...work, isWanted: () => true }))!;
    const factor = worker.startsWith('liar') ? -force : 1;
    const gradient = sum.gradient.map((value) => factor * value);
    roundSum(gradientCodec, subtree, gradient);
    tree.release();
    const samples = plan.runSize(at.step, run.start, run.length);
    return { ...at, ...run, ...sum, samples, gradient };
  };

  handle({ type: 'hold', cause: 'evaluation' });
  for (let number = 1; number <= workers; number++) {
    const worker = number <= liars ? `liar-${number}` : `honest-${number - liars}`;
    handle({ type: 'joined', worker, name: worker });
    const samplesPerSecond = (1000 * plan.runSize(0, 0, 1)) / shardMs;
    handle({ type: 'ready', worker, samplesPerSecond });
  }
  handle({ type: 'hold', cause: 'none' });
  while (!core.ended) {
    tasks.sort((one, other) => one.doneAt - other.doneAt);
    const wakeAt = core.wakeAt();
    const isAnswer = tasks.length > 0 && tasks[0].doneAt <= wakeAt;
    const task = isAnswer ? tasks.shift() : undefined;
    now = Math.max(now, task?.doneAt ?? wakeAt);
    // Whoever is late drops what it had.
    if (task === undefined || task.version !== core.version) {
      handle({ type: 'tick' });
      continue;
    }
    const { worker } = task;
    const answer = await answerOf(task);
    answered.set(worker, (answered.get(worker) ?? 0) + answer.length);
    handle({ type: 'answer', worker, answer });
    await audits.idle;
    for (const event of events.splice(0)) handle(event);
  }
  engine.load(core.weights);
  const batch = { test: dataset.test, classes: model.classes, batchSize: config.testBatchSize };
  const { accuracy } = await evaluate({ engine, ...batch });
  return { weights: core.weights, accuracy, caught, counts: audits.counts };
}
