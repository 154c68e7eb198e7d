// What a run costs, as formulas: fitted to measurements of one coordinator, and laid over trees of relays that nobody
// here can start. Pure: numbers in, numbers out.

/** One node, be it a coordinator or a relay, with those who answer to it. */
export interface NodeMeasurement {
  readonly parameters: number;
  /** Partial sums that came in a step. */
  readonly answers: number;
  /** In and out, a step. */
  readonly bytes: number;
  /** Of processor time, a step. */
  readonly cpuMs: number;
}

/** Coefficients of what a node has to do in a step. */
export interface NodeCost {
  /** Processor time of a step, of each answer and of each million bytes. */
  readonly cpuMs: readonly [step: number, answer: number, megabyte: number];
  /** Bytes of each answer, and of each byte of weights and gradients. */
  readonly bytes: readonly [answer: number, payloadByte: number];
}

const float32Bytes = 4;
const megabyte = 1e6;

/** Least squares of the relative errors: else the largest measurement alone would count. */
export function fitNode(measurements: readonly NodeMeasurement[]): NodeCost {
  const [step, answer, perMegabyte] = leastSquares(
    measurements.map(({ answers, bytes, cpuMs }) =>
      [1, answers, bytes / megabyte].map((each) => each / cpuMs),
    ),
  );
  const [message, payloadByte] = leastSquares(
    measurements.map(({ answers, parameters, bytes }) =>
      // The weights one way, a gradient the other.
      [answers, answers * 2 * float32Bytes * parameters].map((each) => each / bytes),
    ),
  );
  return { cpuMs: [step, answer, perMegabyte], bytes: [message, payloadByte] };
}

/** `bytes` as they are, not as the model has them. */
export function foretoldCpuMs(
  { cpuMs: [step, answer, perMegabyte] }: NodeCost,
  { answers, bytes }: Pick<NodeMeasurement, 'answers' | 'bytes'>,
): number {
  return step + answer * answers + (perMegabyte * bytes) / megabyte;
}

/** Relative errors of the processor time, each measurement as foretold from all others. */
export function heldBackErrors(measurements: readonly NodeMeasurement[]): number[] {
  return measurements.map((held) => {
    const cost = fitNode(measurements.filter((other) => other !== held));
    return foretoldCpuMs(cost, held) / held.cpuMs - 1;
  });
}

/** Coefficients with which the rows come nearest to 1, from the normal equations. */
export function leastSquares(rows: readonly (readonly number[])[]): number[] {
  const count = rows[0].length;
  const sumOver = (value: (row: readonly number[]) => number) =>
    rows.reduce((sum, row) => sum + value(row), 0);
  const equations = Array.from({ length: count }, (_, at) => [
    ...Array.from({ length: count }, (__, other) => sumOver((row) => row[at] * row[other])),
    sumOver((row) => row[at]),
  ]);
  for (let at = 0; at < count; at++) {
    // The largest pivot is the safest.
    const rest = equations.splice(at).sort((a, b) => Math.abs(b[at]) - Math.abs(a[at]));
    equations.push(...rest);
    const [pivot] = rest;
    for (const equation of equations) {
      if (equation === pivot) continue;
      const factor = equation[at] / pivot[at];
      for (let column = at; column <= count; column++) equation[column] -= factor * pivot[column];
    }
  }
  return equations.map((equation, at) => equation[count] / equation[at]);
}

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
 * their sums in, and needs its processor for both. A relay costs what a coordinator with as many workers does.
 */
export function predict(cost: NodeCost, place: Place, syncing: Syncing, tree: Tree): Prediction {
  const { workers, parameters, uplink, downlink, latencyMs } = place;
  const hops = tree.levels + 1;
  const [message, payloadByte] = cost.bytes;
  const ways = Math.min(tree.fanIn, workers);
  const overhead = Math.max(0, message);
  const down = ways * (payloadByte * parameters * syncing.weightsBytes + overhead / 2);
  const up = ways * (payloadByte * parameters * syncing.gradientBytes + overhead / 2);
  const perHop = {
    'uplink of a node': Math.max(down / uplink, down / ways / downlink) * 1000,
    'downlink of a node': Math.max(up / downlink, up / ways / uplink) * 1000,
    processor: foretoldCpuMs(cost, { answers: ways, bytes: down + up }),
    latency: 2 * latencyMs,
  };
  const parts: Record<Bound, number> = {
    'uplink of a node': hops * perHop['uplink of a node'],
    'downlink of a node': hops * perHop['downlink of a node'],
    processor: hops * perHop.processor,
    latency: hops * perHop.latency,
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
    nodeBytes: down + up,
    bound,
    parts,
  };
}

/** The quickest of trees with so many levels of relays at most: one more level has to be worth its relays. */
export function bestTree(
  cost: NodeCost,
  place: Place,
  syncing: Syncing,
  mostLevels: number,
): Prediction {
  let best = predict(cost, place, syncing, treeOf(place.workers, 0));
  for (let levels = 1; levels <= mostLevels; levels++) {
    const next = predict(cost, place, syncing, treeOf(place.workers, levels));
    if (next.stepsPerSecond > worthwhile * best.stepsPerSecond) best = next;
  }
  return best;
}

const worthwhile = 1.1;
