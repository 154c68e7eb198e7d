// Who works in a run: how fast, how honest, and what happens to each.
import type { Draw } from './draw.ts';
import { type Lie, lies } from './lies.ts';

export interface WorkerScenario {
  readonly name: string;
  readonly msPerSample: number;
  /** The speed that it claims, as a multiple of its own. */
  readonly boast: number;
  /** To load its data and prove its engine. */
  readonly prepareMs: number;
  readonly joinsAtMs: number;
  readonly mishaps: readonly Mishap[];
  readonly dishonesty?: Dishonesty;
  /** A relay, whose workers are gone in these times: it computes nothing then. */
  readonly rests?: readonly Rest[];
}

interface Rest {
  readonly fromMs: number;
  readonly toMs: number;
}

export type Mishap =
  /** Back after a while with nothing in memory, or never. */
  | { readonly kind: 'crash' | 'leave'; readonly atMs: number; readonly backAfterMs?: number }
  /** Its connection breaks; it makes another. */
  | { readonly kind: 'break'; readonly atMs: number }
  /** Neither hears nor speaks, then goes on where it was; perhaps never. */
  | { readonly kind: 'hang'; readonly atMs: number; readonly forMs: number };

/** It lies on every connection that it makes in this time, and on none that it makes later. */
export interface Dishonesty {
  readonly fromMs: number;
  readonly toMs: number;
  readonly lies: readonly Lie[];
  /** How often, or else it answers as it should. */
  readonly rate: number;
}

export interface StaffOptions {
  readonly calmAtMs: number;
  /** Of the fastest. */
  readonly msPerSample: number;
}

/** The first one lives when all is calm; the others may be gone. */
export function drawStaff(draw: Draw, { calmAtMs, msPerSample }: StaffOptions): WorkerScenario[] {
  const count = Math.round(draw.magnitude(1, 20));
  const slowness = draw.pick([1, 1.5, 10, 100]);
  const isEventful = draw.chance(0.7);
  const joinsLate = draw.chance(0.5);
  const misjudgement = draw.pick([1, 1, 2, 20]);
  const hasLiars = draw.chance(0.5);
  const darkness = draw.chance(0.1) ? drawDarkness(draw, calmAtMs) : undefined;
  return Array.from({ length: count }, (_, index) => {
    const mishaps = isEventful ? draw.several(0, 4, () => drawMishap(draw, calmAtMs)) : [];
    if (darkness !== undefined) mishaps.push(darkness);
    const isLiar = hasLiars && draw.chance(0.4);
    return {
      name: `worker ${index}`,
      msPerSample: msPerSample * draw.magnitude(1, slowness),
      boast: draw.magnitude(1 / misjudgement, misjudgement),
      prepareMs: draw.magnitude(0.1, calmAtMs / 10),
      joinsAtMs: joinsLate ? draw.early(calmAtMs) : 0,
      mishaps: mishaps.sort((a, b) => a.atMs - b.atMs),
      ...(isLiar && { dishonesty: drawDishonesty(draw, calmAtMs) }),
    };
  });
}

/** Some of them are relays. */
export function drawRelays(
  draw: Draw,
  workers: readonly WorkerScenario[],
  calmAtMs: number,
): WorkerScenario[] {
  const relayRate = draw.pick([0, 0.3, 1]);
  const drawRest = (): Rest => {
    const fromMs = draw.early(calmAtMs);
    return { fromMs, toMs: draw.between(fromMs, calmAtMs) };
  };
  return workers.map((worker) =>
    draw.chance(relayRate) ? { ...worker, rests: draw.several(1, 3, drawRest) } : worker,
  );
}

function drawMishap(draw: Draw, calmAtMs: number): Mishap {
  const kind = draw.pick(['crash', 'leave', 'break', 'hang', 'hang'] as const);
  const atMs = draw.early(calmAtMs);
  if (kind === 'break') return { kind, atMs };
  const forMs = draw.chance(0.15) ? Number.POSITIVE_INFINITY : draw.magnitude(1, calmAtMs);
  if (kind === 'hang') return { kind, atMs, forMs };
  return Number.isFinite(forMs) ? { kind, atMs, backAfterMs: forMs } : { kind, atMs };
}

/** All at once. */
function drawDarkness(draw: Draw, calmAtMs: number): Mishap {
  const atMs = draw.early(calmAtMs);
  return { kind: 'crash', atMs, backAfterMs: draw.magnitude(10, calmAtMs) };
}

function drawDishonesty(draw: Draw, calmAtMs: number): Dishonesty {
  const fromMs = draw.early(calmAtMs);
  return {
    fromMs,
    toMs: draw.between(fromMs, calmAtMs),
    lies: draw.several(1, 3, () => draw.pick(lies)),
    rate: draw.pick([0.3, 1]),
  };
}
