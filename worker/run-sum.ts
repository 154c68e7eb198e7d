// The sum over one run of shards: computed one after the other, added and rounded as the coordinator would.
import {
  addWithin,
  type GradientCodec,
  roundSum,
  type Subtree,
} from '../shared/codecs/rounding.ts';
import type { RunConfig } from '../shared/config.ts';
import type { Engine } from '../shared/contracts.ts';
import { noiseOf } from '../shared/model/dropout.ts';
import type { Model } from '../shared/model/model.ts';
import type { Plan } from '../shared/plan.ts';
import type { ShardRun } from '../shared/protocol.ts';
import { type PartialSum, TreeSum } from '../shared/tree-sum.ts';
import { roomFor, VectorMemory } from '../shared/vectors/memory.ts';
import { VectorPool } from '../shared/vectors/pool.ts';
import { type LocalTraining, takeLocalSteps } from './local-steps.ts';
import type { TrainingData } from './training-data.ts';

/** What it takes. */
export interface SumPlace {
  readonly welcome: { readonly config: RunConfig };
  readonly plan: Plan;
  readonly data: Pick<TrainingData, 'slice'>;
  readonly engine: Engine;
  readonly gradientCodec: GradientCodec;
  /** Where steps are rounds of local ones. */
  readonly local: LocalTraining | undefined;
  /** Where the shards of one run are added up. */
  readonly sums: VectorPool;
  /** The shard that is being added, in the same memory. */
  readonly staged: Float32Array;
}

interface RunTask {
  readonly epoch: number;
  readonly step: number;
  readonly version: number;
  /** As in a lease. */
  readonly learningRate: number | undefined;
  readonly weights: Float32Array;
  readonly run: ShardRun;
  /** Where the sum may be, so that it is where it is wanted. */
  readonly room?: Float32Array;
  /** Asked after each shard, and after each local step. */
  readonly isWanted: () => boolean;
}

/** The sum over the whole run is rounded by its way over the wire. */
export function treeOf(
  { gradientCodec, sums }: Pick<SumPlace, 'gradientCodec' | 'sums'>,
  run: Subtree,
): TreeSum {
  return new TreeSum(run.length, addWithin(gradientCodec, run), sums);
}

/**
 * The subtree's sum, in the order in which the coordinator would have added its shards; undefined when it is not
 * wanted any more. A single shard's may be the engine's own buffer, which it writes again for the next, or the room.
 */
export async function sumOfRun(
  { welcome, plan, data, engine, gradientCodec, local, staged }: SumPlace,
  tree: TreeSum,
  { epoch, step, run: { start, length }, room, isWanted, ...task }: RunTask,
): Promise<PartialSum | undefined> {
  for (let shard = 0; shard < length; shard++) {
    const indices = plan.shardIndices(epoch, step, start + shard);
    const sliceOf = (wanted: Uint32Array) => data.slice(wanted);
    const noise = noiseOf(welcome.config.seed, epoch, step, start + shard);
    const sum =
      local === undefined
        ? await engine.gradient({ ...sliceOf(indices), noise }, length === 1 ? room : undefined)
        : await takeLocalSteps(local, { ...task, indices, sliceOf, noise, isWanted });
    if (sum === undefined || !isWanted()) {
      tree.release();
      return undefined;
    }
    if (length === 1) return sum;
    staged.set(sum.gradient);
    roundSum(gradientCodec, { epoch, step, start: start + shard, length: 1 }, staged);
    tree.add(shard, 1, { ...sum, gradient: staged });
  }
  return tree.total!;
}

/**
 * In the order of a run at most one sum a level of the tree waits for its sibling. The rest are the weights, what is staged,
 * what comes and goes, and the pages of two files that are shared with a coordinator.
 */
export function roomForSums({ parameterCount }: Model, { shards }: Plan, engine: Engine) {
  const vectors = 13 + Math.log2(shards);
  const bytes = vectors * roomFor(parameterCount * Float32Array.BYTES_PER_ELEMENT);
  const { memory = new VectorMemory(bytes) } = engine;
  return {
    memory,
    weights: memory.floats(parameterCount),
    staged: memory.floats(parameterCount),
    sums: new VectorPool((length) => memory.floats(length)),
  };
}
