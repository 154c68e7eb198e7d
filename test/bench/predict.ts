// A run over a tree of relays that nobody here can start, foretold from what its nodes cost. Pure: numbers in, numbers out.
import { type CostModel, foretoldWorkMs, sumsOf } from './cost-model.ts';

/** How gradients and weights travel, and after how many local steps. */
export interface Syncing {
  readonly name: string;
  /** Bytes of a value. */
  readonly gradientBytes: number;
  readonly weightsBytes: number;
  /** 1: at every step. */
  readonly localSteps: number;
}

export interface Place {
  readonly workers: number;
  readonly parameters: number;
  /** Of every node, in bytes a second. */
  readonly uplink: number;
  readonly downlink: number;
  /** One way, between a node and those who answer to it. */
  readonly latencyMs: number;
  /** What a worker computes with in a local step, and how fast. */
  readonly samplesPerStep: number;
  readonly samplesPerSecond: number;
}

/** Relays in `levels`, each with as many below it; 0 levels are none. */
export interface Tree {
  readonly levels: number;
  readonly fanIn: number;
}

export type Bound = 'uplink of a node' | 'downlink of a node' | 'processor' | 'latency' | 'workers';

export interface Prediction {
  readonly syncing: Syncing;
  readonly tree: Tree;
  readonly relays: number;
  /** Steps, or rounds, a second. */
  readonly stepsPerSecond: number;
  readonly samplesPerSecond: number;
  /** Of the time of a step, what workers compute in. */
  readonly efficiency: number;
  /** In and out of the busiest node, a step. */
  readonly nodeBytes: number;
  /** What takes the longest, and all that take part of a step, in milliseconds. */
  readonly bound: Bound;
  readonly parts: Readonly<Record<Bound, number>>;
}

/** With the fewest below each node for this many levels. */
export function treeOf(workers: number, levels: number): Tree {
  let fanIn = Math.floor(workers ** (1 / (levels + 1)));
  while (fanIn ** (levels + 1) < workers) fanIn++;
  return { levels, fanIn };
}

/**
 * As if nothing in a step overlapped: on each level a node sends the weights to all below it one after the other, takes
 * their sums in, and needs its processor for both.
 */
export function predict(costs: CostModel, place: Place, syncing: Syncing, tree: Tree): Prediction {
  const { workers, uplink, downlink, latencyMs } = place;
  const loads = Array.from({ length: tree.levels + 1 }, (_, level) =>
    loadOf(costs, place, syncing, tree, level),
  );
  const total = (countOf: (load: Load) => number) =>
    loads.reduce((sum, load) => sum + countOf(load), 0);
  const parts: Record<Bound, number> = {
    'uplink of a node':
      1000 * total(({ down, ways }) => Math.max(down / uplink, down / ways / downlink)),
    'downlink of a node':
      1000 * total(({ up, ways }) => Math.max(up / downlink, up / ways / uplink)),
    processor: total(({ busyMs }) => busyMs),
    latency: total(() => 2 * latencyMs),
    workers: (1000 * syncing.localSteps * place.samplesPerStep) / place.samplesPerSecond,
  };
  const stepMs = Object.values(parts).reduce((sum, each) => sum + each, 0);
  const bounds = Object.keys(parts) as Bound[];
  const [bound] = bounds.sort((one, other) => parts[other] - parts[one]);
  const relaysOn = (level: number) => Math.ceil(workers / tree.fanIn ** (tree.levels + 1 - level));
  const levels = Array.from({ length: tree.levels }, (_, at) => relaysOn(at + 1));
  return {
    syncing,
    tree,
    relays: levels.reduce((sum, each) => sum + each, 0),
    stepsPerSecond: 1000 / stepMs,
    samplesPerSecond: (1000 * workers * syncing.localSteps * place.samplesPerStep) / stepMs,
    efficiency: parts.workers / stepMs,
    nodeBytes: Math.max(...loads.map(({ bytes }) => bytes)),
    bound,
    parts,
  };
}

/** Of a node in a step: bytes to and from all below it, and all in and out of it. */
interface Load {
  readonly ways: number;
  readonly down: number;
  readonly up: number;
  readonly bytes: number;
  /** Until its processor has done all this, which does other things as well. */
  readonly busyMs: number;
}

/** Level 0 is the coordinator, those below the last one are the workers, each with one shard. */
function loadOf(
  costs: CostModel,
  { workers, parameters }: Place,
  { weightsBytes, gradientBytes }: Syncing,
  { levels, fanIn }: Tree,
  level: number,
): Load {
  const cost = level === 0 ? costs.coordinator : costs.relay;
  const [message, payloadByte] = cost.bytes;
  const ways = Math.min(fanIn, workers);
  const shards = fanIn ** (levels - level);
  const answers = ways * sumsOf(costs, shards);
  const overhead = Math.max(0, message);
  const weights = payloadByte * parameters * weightsBytes;
  const gradient = payloadByte * parameters * gradientBytes;
  const down = ways * weights;
  const up = answers * (gradient + overhead);
  const above = level === 0 ? 0 : weights + sumsOf(costs, shards * fanIn) * gradient;
  const bytes = down + up + above;
  const busyMs = foretoldWorkMs(cost, { answers, bytes }) / (1 - cost.standing);
  return { ways, down, up, bytes, busyMs };
}

/** The quickest of trees with so many levels of relays at most: one more level has to be worth its relays. */
export function bestTree(
  costs: CostModel,
  place: Place,
  syncing: Syncing,
  mostLevels: number,
): Prediction {
  let best = predict(costs, place, syncing, treeOf(place.workers, 0));
  for (let levels = 1; levels <= mostLevels; levels++) {
    const next = predict(costs, place, syncing, treeOf(place.workers, levels));
    if (next.stepsPerSecond > worthwhile * best.stepsPerSecond) best = next;
  }
  return best;
}

const worthwhile = 1.1;
