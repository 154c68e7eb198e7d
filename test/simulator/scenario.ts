// One run and all that will befall it, drawn from one seed.
import { defaultLeaseTimes, type LeaseTimes } from '../../coordinator/membership.ts';
import type { PlanOptions } from '../../shared/plan.ts';
import { shardingNames } from '../../shared/shardings/index.ts';
import { Draw } from './draw.ts';
import { drawRelays, drawStaff, type WorkerScenario } from './staff.ts';

export interface Scenario {
  readonly seed: number;
  readonly plan: PlanOptions;
  readonly leaseTimes: LeaseTimes;
  readonly network: NetworkScenario;
  readonly workers: readonly WorkerScenario[];
  /** To fetch the samples of a lease, where some of its shards are new to the worker. */
  readonly fetchMs: number;
  readonly coordinator: CoordinatorScenario;
  readonly disk: DiskScenario;
  /** From here on nothing else breaks, and the first worker lives. */
  readonly calmAtMs: number;
  /** When the run must be over: several times what the slowest of many seeds needed. */
  readonly deadlineMs: number;
}

export interface NetworkScenario {
  readonly latencyMs: number;
  readonly dropRate: number;
  readonly duplicateRate: number;
  /** This share of the messages takes up to `strayMs` longer. */
  readonly strayRate: number;
  readonly strayMs: number;
  /** A connection that went silent is known to be gone after this long. */
  readonly pingTimeoutMs: number;
}

export interface CoordinatorScenario {
  readonly checkpointEverySteps?: number;
  readonly checkpointEveryMs?: number;
  readonly evaluationMs: number;
  /** How each life of its process ends, unless the run is over before; the lives after these last. */
  readonly dooms: readonly Doom[];
  readonly absenceMs: number;
  /** When its owner asks it to stop. The run is resumed later. */
  readonly stopsAtMs: readonly number[];
  /** What its administrator asks for, before all is calm. */
  readonly orders: readonly Order[];
}

export type Order =
  /** `expel`: anybody who is there. `undo`: one of those turned out to lie, and all that it had a share in. */
  | { readonly kind: 'pause' | 'resume' | 'checkpoint' | 'expel' | 'undo'; readonly atMs: number }
  | { readonly kind: 'rate'; readonly atMs: number; readonly learningRate: number };

/** Killed when this much of it has happened in one life. */
export type Doom =
  | { readonly kind: 'time'; readonly afterMs: number }
  | { readonly kind: 'effects' | 'disk operations'; readonly after: number };

export interface DiskScenario {
  readonly operationMs: number;
  readonly failureRate: number;
  /** No space left. */
  readonly full: { readonly fromMs: number; readonly toMs: number };
  /** A kill takes the power with it this often. */
  readonly powerCutRate: number;
  /** Once in a run, somebody alters the newest checkpoint while the coordinator is down. */
  readonly isAltered: boolean;
}

export function drawScenario(seed: number): Scenario {
  const draw = new Draw(seed, 'scenario');
  const plan = drawPlan(draw, seed);
  const steps = Math.ceil(plan.samples / plan.batchSize) * plan.epochs;
  const leaseTimes = draw.chance(0.7) ? defaultLeaseTimes : drawLeaseTimes(draw);
  const latencyMs = draw.magnitude(0.1, 100);
  const msPerStep = draw.magnitude(1, 1000);
  const calmAtMs = Math.min(
    60_000,
    1000 + draw.magnitude(0.3, 4) * steps * (msPerStep + latencyMs),
  );
  const msPerSample = msPerStep / plan.batchSize;
  const workers = drawStaff(draw, { calmAtMs, msPerSample });
  const slowestStepMs = plan.batchSize * workers[0].msPerSample + plan.shards * 2 * latencyMs;
  const maxRetryMs = Math.min(leaseTimes.maxRetryMs, calmAtMs);
  return {
    seed,
    plan,
    leaseTimes,
    network: drawNetwork(draw, latencyMs, calmAtMs),
    workers: drawRelays(new Draw(seed, 'relays'), workers, calmAtMs),
    fetchMs: new Draw(seed, 'fetch').magnitude(0.1, 1000),
    coordinator: {
      ...drawCoordinator(draw, steps, calmAtMs),
      orders: [
        ...drawOrders(new Draw(seed, 'order'), calmAtMs),
        ...drawUndoings(new Draw(seed, 'undo'), calmAtMs),
      ],
    },
    disk: drawDisk(draw, calmAtMs),
    calmAtMs,
    deadlineMs: calmAtMs + 60_000 + 2 * maxRetryMs + steps * (5000 + 10 * slowestStepMs),
  };
}

function drawPlan(draw: Draw, seed: number): PlanOptions {
  // Few runs are so wide that what is left of a step comes in hundreds of pieces.
  const isWide = draw.chance(0.004);
  const fewSamples = draw.chance(0.5) ? draw.integer(1, 200) : Math.round(draw.magnitude(1, 200));
  const samples = isWide ? draw.integer(600, 1500) : fewSamples;
  const batchSize = isWide ? samples : Math.ceil(draw.magnitude(samples / 40, samples));
  const shards = isWide ? 2048 : 2 ** draw.integer(0, draw.chance(0.05) ? 8 : 5);
  const epochs = draw.pick([1, 1, 2, 3]);
  const steps = Math.ceil(samples / batchSize) * epochs;
  const maxSteps = draw.chance(0.1) ? { maxSteps: draw.integer(1, steps) } : {};
  const shuffle = draw.chance(0.8);
  const sharding = new Draw(seed, 'sharding').pick(shardingNames);
  return { samples, batchSize, shards, epochs, seed, shuffle, sharding, ...maxSteps };
}

function drawLeaseTimes(draw: Draw): LeaseTimes {
  const lateFactor = draw.between(1.2, 4);
  const lateFloorMs = draw.magnitude(5, 500);
  const retryMs = draw.magnitude(10, 5000);
  return {
    lateFactor,
    lateFloorMs,
    expireFactor: lateFactor + draw.between(0.1, 5),
    expireFloorMs: lateFloorMs * draw.between(1.1, 30),
    retryMs,
    maxRetryMs: retryMs * draw.between(1, 30),
    probeMs: draw.magnitude(10, 1000),
    maxProbeMs: draw.magnitude(1000, 10_000),
  };
}

function drawNetwork(draw: Draw, latencyMs: number, calmAtMs: number): NetworkScenario {
  const isTroubled = draw.chance(0.6);
  const rate = (most: number): number =>
    isTroubled && draw.chance(0.7) ? draw.magnitude(0.01, most) : 0;
  return {
    latencyMs,
    dropRate: rate(0.2),
    duplicateRate: rate(0.3),
    strayRate: rate(0.3),
    strayMs: draw.magnitude(latencyMs, Math.max(latencyMs, calmAtMs / 2)),
    pingTimeoutMs: draw.pick([25_000, Number.POSITIVE_INFINITY]),
  };
}

function drawCoordinator(
  draw: Draw,
  steps: number,
  calmAtMs: number,
): Omit<CoordinatorScenario, 'orders'> {
  const everySteps = Math.ceil(steps / draw.integer(1, 8));
  return {
    ...(draw.chance(0.6) && { checkpointEverySteps: everySteps }),
    ...(draw.chance(0.3) && { checkpointEveryMs: calmAtMs / draw.integer(1, 8) }),
    evaluationMs: draw.magnitude(0.1, calmAtMs / 4),
    dooms: draw.chance(0.5) ? draw.several(1, 4, () => drawDoom(draw, steps, calmAtMs)) : [],
    absenceMs: draw.magnitude(1, calmAtMs / 4),
    stopsAtMs: draw.chance(0.2) ? draw.several(1, 3, () => draw.early(calmAtMs)) : [],
  };
}

function drawOrders(draw: Draw, calmAtMs: number): Order[] {
  if (draw.chance(0.7)) return [];
  return draw.several(1, 8, () => drawOrder(draw, calmAtMs)).flat();
}

function drawUndoings(draw: Draw, calmAtMs: number): Order[] {
  if (draw.chance(0.75)) return [];
  return draw.several(1, 4, () => ({ kind: 'undo', atMs: draw.early(calmAtMs) }));
}

/** Whoever pauses a run lets it go on, too. */
function drawOrder(draw: Draw, calmAtMs: number): Order[] {
  const kind = draw.pick(['pause', 'checkpoint', 'expel', 'rate', 'rate'] as const);
  const atMs = draw.early(calmAtMs);
  if (kind === 'rate') return [{ kind, atMs, learningRate: draw.integer(0, 3) }];
  if (kind !== 'pause') return [{ kind, atMs }];
  return [
    { kind, atMs },
    { kind: 'resume', atMs: draw.between(atMs, calmAtMs) },
  ];
}

function drawDoom(draw: Draw, steps: number, calmAtMs: number): Doom {
  const kind = draw.pick(['time', 'effects', 'effects', 'disk operations'] as const);
  if (kind === 'time') return { kind, afterMs: draw.early(calmAtMs) };
  if (kind === 'effects') return { kind, after: draw.integer(1, 2 + 5 * steps) };
  return { kind, after: draw.integer(1, 40) };
}

function drawDisk(draw: Draw, calmAtMs: number): DiskScenario {
  const fromMs = draw.early(calmAtMs);
  const isFullForAWhile = draw.chance(0.15);
  return {
    operationMs: draw.magnitude(0.01, 30),
    failureRate: draw.chance(0.15) ? draw.magnitude(0.002, 0.1) : 0,
    full: { fromMs, toMs: isFullForAWhile ? draw.between(fromMs, calmAtMs) : fromMs },
    powerCutRate: draw.pick([0, 0.5, 1]),
    isAltered: draw.chance(0.2),
  };
}
