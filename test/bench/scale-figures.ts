// What the benchmark of scale measures, how it is kept in a file, and what it tells of each node.
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import type { NodeMeasurement } from './cost-model.ts';

/** A small one where the number of workers is the point, the reference where bytes are. */
export const networks = {
  small: ['--hidden=8'],
  reference: [],
} as const satisfies Record<string, readonly string[]>;
export type NetworkName = keyof typeof networks;

/** Of a coordinator or a relay; what is counted is counted a step. */
export interface NodeFigures {
  /** Partial sums that came. */
  readonly answers: number;
  /** In and out, towards all sides. */
  readonly bytes: number;
  /** Of all threads. */
  readonly cpuMs: number;
  /** Resident memory at the beginning and at the end. */
  readonly firstBytes: number;
  readonly lastBytes: number;
}

export interface ScaleTask {
  readonly network: NetworkName;
  readonly workers: number;
  /** Between the workers and the coordinator, in one level; 0 for none. */
  readonly relays: number;
}

export interface ScaleMeasurement extends ScaleTask {
  readonly parameters: number;
  readonly shards: number;
  /** From the first connection to the last who is ready. */
  readonly joinSeconds: number;
  /** Who did not become ready, or went before the end. */
  readonly lost: number;
  readonly steps: number;
  readonly stepMs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  /** Processors that others took from the bench meanwhile. */
  readonly othersCores: number;
  readonly coordinator: NodeFigures;
  /** The mean of all relays; absent where there were none. */
  readonly relay?: NodeFigures;
}

export interface ScaleFile {
  readonly machine: { readonly processor: string; readonly cores: number; readonly node: string };
  /** ISO 8601. */
  readonly date: string;
  readonly measurements: readonly ScaleMeasurement[];
}

export function readScale(file: string | URL): ScaleFile {
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** Of two measurements of the same, that stays which was disturbed less. Those of another machine go. */
export async function keepScale(
  file: string,
  fresh: readonly ScaleMeasurement[],
): Promise<ScaleFile> {
  const [{ model: processor }] = cpus();
  const machine = { processor, cores: cpus().length, node: process.version };
  const known = existsSync(file) ? readScale(file) : undefined;
  const isOurs = JSON.stringify(known?.machine) === JSON.stringify(machine);
  const measurements = quietest([...(isOurs ? known!.measurements : []), ...fresh]);
  const content = { machine, date: new Date().toISOString(), measurements };
  await writeFile(file, `${JSON.stringify(content, null, 2)}\n`);
  return content;
}

/** One of each task, ordered by network, relays and workers. */
export function quietest(measurements: readonly ScaleMeasurement[]): ScaleMeasurement[] {
  const best = new Map<string, ScaleMeasurement>();
  for (const each of measurements) {
    const task = `${each.network}/${each.relays}/${each.workers}`;
    const other = best.get(task);
    if (other === undefined || each.othersCores < other.othersCores) best.set(task, each);
  }
  return [...best.values()].sort(
    (a, b) => a.parameters - b.parameters || a.relays - b.relays || a.workers - b.workers,
  );
}

type Used = Pick<NodeMeasurement, 'answers' | 'bytes' | 'cpuMs'>;

/** The coordinator, and a relay if there were any. */
export function nodesOf(measurement: ScaleMeasurement): NodeMeasurement[] {
  const { parameters, shards, stepMs, workers, relays, coordinator, relay } = measurement;
  const top: NodeMeasurement = {
    kind: 'coordinator',
    parameters,
    below: relays || workers,
    sums: 0,
    shards,
    stepMs,
    ...usedBy(coordinator),
  };
  if (relay === undefined) return [top];
  const one: NodeMeasurement = {
    kind: 'relay',
    parameters,
    below: workers / relays,
    sums: coordinator.answers / relays,
    shards: shards / relays,
    stepMs,
    ...usedBy(relay),
  };
  return [top, one];
}

function usedBy({ answers, bytes, cpuMs }: NodeFigures): Used {
  return { answers, bytes, cpuMs };
}

const head = [
  'network',
  'relays',
  'workers',
  'joined s',
  'lost',
  'steps/s',
  'p50 ms',
  'p95 ms',
  'others',
  'CPU ms',
  'answers',
  'MB',
  'resident MB',
  'relay: CPU ms',
  'answers',
  'MB',
  'resident MB',
];

export function tableOf(measurements: readonly ScaleMeasurement[]): string[][] {
  return [head, ...measurements.map(rowOf)];
}

export function rowOf(row: ScaleMeasurement): string[] {
  return [
    row.network,
    String(row.relays),
    String(row.workers),
    row.joinSeconds.toFixed(1),
    String(row.lost),
    (1000 / row.stepMs).toFixed(2),
    row.p50Ms.toFixed(0),
    row.p95Ms.toFixed(0),
    row.othersCores.toFixed(2),
    ...cellsOf(row.coordinator),
    ...(row.relay ? cellsOf(row.relay) : []),
  ];
}

function cellsOf({ cpuMs, answers, bytes, lastBytes }: NodeFigures): string[] {
  return [
    cpuMs.toFixed(1),
    answers.toFixed(1),
    (bytes / 1e6).toFixed(1),
    (lastBytes / 1e6).toFixed(0),
  ];
}
