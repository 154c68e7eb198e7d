// One answer of a worker against the same computed here. Two honest engines round differently, and where a ReLU is next
// to its kink they may even take different sides: what is to be expelled for must be more than that.
import type { AuditTask, AuditVerdict } from '../coordinator/audits.ts';
import { loadCodecs } from '../shared/codecs/index.ts';
import { roundSum } from '../shared/codecs/rounding.ts';
import { modelOf, planOf, type RunConfig } from '../shared/config.ts';
import type { Engine, Slice } from '../shared/contracts.ts';
import { noiseOf } from '../shared/model/dropout.ts';
import type { Model } from '../shared/model/model.ts';
import type { PartialSum } from '../shared/tree-sum.ts';
import { engines } from '../worker/engines/index.ts';
import { worstError } from '../worker/engines/prove.ts';
import { nearestKink } from '../worker/engines/reference.ts';
import { localTrainingOf } from '../worker/local-steps.ts';
import { roomForSums, type SumPlace, sumOfRun, treeOf } from '../worker/run-sum.ts';

/** A part of a whole gradient's length: nothing that honest engines do comes to it, and turning it around is 2. */
const gravestDistance = 0.5;
/** What is off by less than this a sample moves no weight. */
const negligible = 1e-6;
/** Nearer to zero, the rounding of a trained network may put a ReLU on the other side. */
const roundingAtKink = 2e-5;
/** Parts of loss and correct answers: nothing but what is shown depends on them. */
const figuresMargin = { loss: 0.05, correct: 0.02 };

export interface AuditPlace extends SumPlace {
  readonly config: RunConfig;
  readonly model: Model;
}

/** `engine` may be used by nobody else meanwhile. */
export async function auditPlaceOf(
  config: RunConfig,
  train: Slice,
  engine: Engine,
): Promise<AuditPlace> {
  const codecs = await loadCodecs(config.codecs);
  const [model, plan] = [modelOf(config), planOf(config)];
  return {
    config,
    welcome: { config },
    model,
    plan,
    engine,
    gradientCodec: { codec: codecs.gradients, seed: config.seed },
    data: { slice: (indices) => pick(train, indices) },
    local: localTrainingOf(config, plan, engine),
    ...roomForSums(model, plan, engine),
  };
}

export async function auditAnswer(place: AuditPlace, task: AuditTask): Promise<AuditVerdict> {
  const own = await computeAgain(place, task);
  const { config, model, plan } = place;
  const samples = plan.runSize(task.step, task.start, task.length);
  const figures = describeFigures(task, own, samples);
  if (figures !== undefined) return { kind: 'wrong', text: `${subjectOf(task)} ${figures}` };
  const { parameter, error } = worstError(model, task.gradient, own.gradient);
  // What is left of p - y where p is right loses digits, the more the surer the network is.
  const surer = Math.max(1, samples / own.lossSum);
  const allowed = Math.min(gravestDistance, toleranceOf(task, place.engine) * surer);
  if (error <= allowed || largestDifference(task.gradient, own.gradient) <= negligible * samples) {
    return { kind: 'right' };
  }
  const distance = distanceOf(model, task.gradient, own.gradient);
  const isGrave = !(distance <= gravestDistance);
  if (!isGrave && !isExact(config, place, task)) return { kind: 'unclear' };
  const off = isGrave
    ? `is off by ${distance.toPrecision(2)} times its length`
    : `is off by ${error.toExponential(1)} of the largest value of ${parameter}`;
  return { kind: 'wrong', text: `${subjectOf(task)} ${off}, computed again` };
}

function subjectOf({ version, start, length }: AuditTask): string {
  const shards = length === 1 ? `shard ${start}` : `shards ${start} to ${start + length - 1}`;
  return `its gradient for ${shards} of step ${version + 1}`;
}

/** As a worker does, with the same rounding on the way back. */
async function computeAgain(place: AuditPlace, task: AuditTask): Promise<PartialSum> {
  const { engine, gradientCodec } = place;
  const { epoch, step, version, start, length, learningRate, weights } = task;
  engine.load(weights);
  const subtree = { epoch, step, start, length };
  const tree = treeOf(place, subtree);
  const run = { start, length };
  const work = { epoch, step, version, learningRate, weights, run, isWanted: () => true };
  // It is wanted to the end, so there is one.
  const sum = (await sumOfRun(place, tree, work))!;
  const gradient = sum.gradient.slice();
  roundSum(gradientCodec, subtree, gradient);
  tree.release();
  return { ...sum, gradient };
}

/** Of both engines together. Who names one that is not known here is granted what the loosest has. */
function toleranceOf({ engine: claimed }: AuditTask, { label }: Engine): number {
  const tolerances = new Map(Object.entries(engines).map(([name, kind]) => [name, kind.tolerance]));
  const loosest = Math.max(...tolerances.values());
  const of = (spec: string): number => tolerances.get(spec.split(':', 1)[0]) ?? loosest;
  return of(claimed) + of(label);
}

function describeFigures(task: AuditTask, own: PartialSum, samples: number): string | undefined {
  const { loss, correct } = figuresMargin;
  if (!(Math.abs(task.lossSum - own.lossSum) <= loss * (own.lossSum + samples))) {
    return `comes with a summed loss of ${task.lossSum}, where it is ${own.lossSum}`;
  }
  if (Math.abs(task.correct - own.correct) <= 1 + correct * samples) return undefined;
  return `comes with ${task.correct} correct answers, where there are ${own.correct}`;
}

/** Rounding alone would not explain what is off by more than the engines' tolerances. */
function isExact(config: RunConfig, place: AuditPlace, task: AuditTask): boolean {
  if (config.sync.mode === 'local' || config.model.batchNorm) return false;
  const { gradients, weights } = config.codecs;
  if (gradients !== 'float32' || weights !== 'float32') return false;
  return config.model.activation !== 'relu' || nearestKinkOf(place, task) > roundingAtKink;
}

function nearestKinkOf({ config, model, plan, data }: AuditPlace, task: AuditTask): number {
  const weights = Float64Array.from(task.weights);
  const { epoch, step, start, length } = task;
  const distances = Array.from({ length }, (_, at) => {
    const slice = data.slice(plan.shardIndices(epoch, step, start + at));
    if (slice.labels.length === 0) return Number.POSITIVE_INFINITY;
    const noise = noiseOf(config.seed, epoch, step, start + at);
    const copies = new Array<number>(slice.labels.length).fill(1);
    return nearestKink(model, weights, { ...slice, noise }, copies);
  });
  return Math.min(...distances);
}

function largestDifference(one: Float32Array, other: Float32Array): number {
  let largest = 0;
  for (let at = 0; at < one.length; at++) {
    largest = Math.max(largest, Math.abs(one[at] - other[at]));
  }
  return largest;
}

/** Length of the difference over that of `own`; of gradient and running statistics apart, the larger of the two. */
function distanceOf({ trainableCount }: Model, answer: Float32Array, own: Float32Array): number {
  const within = (from: number, to: number): number => {
    let [difference, length] = [0, 0];
    for (let at = from; at < to; at++) {
      difference += (answer[at] - own[at]) ** 2;
      length += own[at] ** 2;
    }
    return difference === 0 ? 0 : Math.sqrt(difference / length);
  };
  return Math.max(within(0, trainableCount), within(trainableCount, own.length));
}

function pick({ images, labels }: Slice, indices: Uint32Array): Slice {
  const imageBytes = images.length / labels.length;
  const picked = new Uint8Array(indices.length * imageBytes);
  indices.forEach((index, at) => {
    picked.set(images.subarray(index * imageBytes, (index + 1) * imageBytes), at * imageBytes);
  });
  return { images: picked, labels: Uint8Array.from(indices, (index) => labels[index]) };
}
