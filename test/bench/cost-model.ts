// What a coordinator and a relay cost, as formulas fitted to measurements of them. Pure: numbers in, numbers out.

/** One node with those who answer to it; what is counted is counted a step. */
export interface NodeMeasurement {
  readonly kind: 'coordinator' | 'relay';
  readonly parameters: number;
  /** Workers or relays that answer to it itself. */
  readonly below: number;
  /** Partial sums that came from them. */
  readonly answers: number;
  /** Partial sums that it sent on; 0 for a coordinator. */
  readonly sums: number;
  /** Shards of which it had them. */
  readonly shards: number;
  /** In and out, towards all sides. */
  readonly bytes: number;
  /** Of processor time, within `stepMs` of the clock. */
  readonly cpuMs: number;
  readonly stepMs: number;
}

/** Coefficients of what a node has to do in a step. */
export interface NodeCost {
  /** Processor time of a step, of each answer and of each million bytes. */
  readonly workMs: readonly [step: number, answer: number, megabyte: number];
  /** Part of a processor that it takes all the time: timers, heartbeats, telling how it goes. */
  readonly standing: number;
  /** Bytes of each answer, and of each byte of weights and gradients. */
  readonly bytes: readonly [answer: number, payloadByte: number];
}

export interface CostModel {
  readonly coordinator: NodeCost;
  readonly relay: NodeCost;
  /** How many more sums a relay sends each time that its shards double. */
  readonly sumsPerDoubling: number;
}

const float32Bytes = 4;
const megabyte = 1e6;

export function fitCosts(measurements: readonly NodeMeasurement[]): CostModel {
  const relays = measurements.filter(({ kind }) => kind === 'relay');
  return {
    coordinator: fitNode(measurements.filter(({ kind }) => kind === 'coordinator')),
    relay: fitNode(relays),
    sumsPerDoubling: fitSums(relays),
  };
}

/** Least squares of the relative errors: else the largest measurement alone would count. */
export function fitNode(measurements: readonly NodeMeasurement[]): NodeCost {
  const [step, answer, perMegabyte, standing] = leastSquares(
    measurements.map(({ answers, bytes, stepMs, cpuMs }) =>
      [1, answers, bytes / megabyte, stepMs].map((each) => each / cpuMs),
    ),
  );
  const [message, payloadByte] = leastSquares(
    measurements.map((node) => [node.answers, payloadOf(node)].map((each) => each / node.bytes)),
  );
  return { workMs: [step, answer, perMegabyte], standing, bytes: [message, payloadByte] };
}

/** Weights go to each below it and gradients come, and at a relay as well the other way round; as float32. */
function payloadOf({ kind, parameters, below, answers, sums }: NodeMeasurement): number {
  const above = kind === 'relay' ? 1 + sums : 0;
  return float32Bytes * parameters * (below + answers + above);
}

/** Processor time of a step's work. `bytes` as they are, not as the model has them. */
export function foretoldWorkMs(
  { workMs: [step, answer, perMegabyte] }: NodeCost,
  { answers, bytes }: Pick<NodeMeasurement, 'answers' | 'bytes'>,
): number {
  return step + answer * answers + (perMegabyte * bytes) / megabyte;
}

export function foretoldBytes(
  { bytes: [message, payloadByte] }: NodeCost,
  node: NodeMeasurement,
): number {
  return message * node.answers + payloadByte * payloadOf(node);
}

/**
 * As many aligned runs as its shards come in: of `n` shards that begin anywhere, some more each time that `n` doubles.
 */
export function sumsOf({ sumsPerDoubling }: Pick<CostModel, 'sumsPerDoubling'>, shards: number) {
  return 1 + sumsPerDoubling * Math.log2(Math.max(1, shards));
}

function fitSums(relays: readonly NodeMeasurement[]): number {
  const total = (countOf: (doublings: number, more: number) => number) =>
    relays.reduce((sum, { shards, sums }) => sum + countOf(Math.log2(shards), sums - 1), 0);
  return total((doublings, more) => doublings * more) / total((doublings) => doublings ** 2);
}

/** Relative errors of processor time and bytes, of each measurement as foretold from all others of its kind. */
export function heldBackErrors(measurements: readonly NodeMeasurement[]) {
  return measurements.map((held) => {
    const others = measurements.filter((each) => each !== held && each.kind === held.kind);
    const cost = fitNode(others);
    return {
      cpu: (foretoldWorkMs(cost, held) + cost.standing * held.stepMs) / held.cpuMs - 1,
      bytes: foretoldBytes(cost, held) / held.bytes - 1,
    };
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
