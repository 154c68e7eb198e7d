import { describe, expect, it } from 'vitest';
import {
  fitCosts,
  heldBackErrors,
  leastSquares,
  type NodeMeasurement,
  sumsOf,
} from './bench/cost-model.ts';
import { choose, syncings } from './bench/plan.ts';
import { bestTree, type Place, predict, type Syncing, treeOf } from './bench/predict.ts';
import { parseDuration } from './bench/quantities.ts';
import { nodesOf, quietest, readScale, type ScaleMeasurement } from './bench/scale-figures.ts';

const float32: Syncing = { name: 'float32', gradientBytes: 4, weightsBytes: 4, localSteps: 1 };
const crews = [10, 100, 1000].flatMap((below) =>
  [1000, 400_000].map((parameters) => ({ below, parameters })),
);
const coordinators = crews.map(({ below, parameters }): NodeMeasurement => {
  const bytes = below * (200 + 1.01 * 8 * parameters);
  const stepMs = 20 + parameters / below;
  const cpuMs = 2 + 0.1 * below + 0.25 * (bytes / 1e6) + 0.04 * stepMs;
  const node = { kind: 'coordinator', parameters, below, answers: below } as const;
  return { ...node, sums: 0, shards: below, bytes, stepMs, cpuMs };
});
const relays = crews.map(({ below, parameters }): NodeMeasurement => {
  const sums = 1 + 0.5 * Math.log2(below);
  const bytes = 100 * below + 4 * parameters * (2 * below + 1 + sums);
  const stepMs = 30 + parameters / below;
  const cpuMs = 1 + 0.2 * below + 0.5 * (bytes / 1e6) + 0.08 * stepMs;
  const node = { kind: 'relay', parameters, below, answers: below } as const;
  return { ...node, sums, shards: below, bytes, stepMs, cpuMs };
});
const made = [...coordinators, ...relays];
const cost = fitCosts(made);
const place: Place = {
  workers: 10_000,
  parameters: 400_000,
  uplink: 1e10,
  downlink: 1e10,
  latencyMs: 0,
  samplesPerStep: 64,
  samplesPerSecond: 1e6,
};

describe('the cost of a node', () => {
  it('is found again in measurements that follow it, of each kind its own', () => {
    const rounded = (values: readonly number[]) => values.map((each) => Number(each.toFixed(6)));
    expect(rounded(cost.coordinator.workMs)).toEqual([2, 0.1, 0.25]);
    expect(cost.coordinator.standing).toBeCloseTo(0.04, 9);
    expect(rounded(cost.coordinator.bytes)).toEqual([200, 1.01]);
    expect(rounded(cost.relay.workMs)).toEqual([1, 0.2, 0.5]);
    expect(cost.relay.standing).toBeCloseTo(0.08, 9);
    expect(rounded(cost.relay.bytes)).toEqual([100, 1]);
    expect(cost.sumsPerDoubling).toBeCloseTo(0.5, 9);
    expect(sumsOf(cost, 1)).toBe(1);
    expect(sumsOf(cost, 256)).toBeCloseTo(5, 9);
    for (const { cpu, bytes } of heldBackErrors(made)) {
      expect(cpu).toBeCloseTo(0, 9);
      expect(bytes).toBeCloseTo(0, 9);
    }
  });

  it('comes as near as it can where measurements disagree', () => {
    // Twice x is 1 and 1.1: between them.
    const [x] = leastSquares([[2], [2 / 1.1]]);
    expect(2 * x).toBeCloseTo(1.0452, 3);
  });

  it('tells the stored measurements from one another', () => {
    const { measurements } = readScale(new URL('./bench/scale-measured.json', import.meta.url));
    const nodes = measurements.flatMap(nodesOf);
    expect(nodes.filter(({ kind }) => kind === 'coordinator').length).toBeGreaterThan(6);
    expect(nodes.filter(({ kind }) => kind === 'relay').length).toBeGreaterThan(6);
    const errors = heldBackErrors(nodes);
    for (const { cpu } of errors) expect(Math.abs(cpu)).toBeLessThan(0.5);
    expect(mean(errors.map(({ cpu }) => Math.abs(cpu)))).toBeLessThan(0.25);
    expect(mean(errors.map(({ bytes }) => Math.abs(bytes)))).toBeLessThan(0.15);
  });
});

describe('measurements of scale', () => {
  const figures = { answers: 6, bytes: 9e6, cpuMs: 8, firstBytes: 3e8, lastBytes: 3e8 };
  const measured: ScaleMeasurement = {
    ...{ network: 'small', parameters: 6370, workers: 200, relays: 2, shards: 256 },
    ...{ joinSeconds: 2, lost: 0, steps: 80, stepMs: 100, p50Ms: 90, p95Ms: 120, othersCores: 0.1 },
    ...{ coordinator: figures, relay: { ...figures, answers: 98, cpuMs: 40 } },
  };

  it('tell of a coordinator, and of a relay with its part of the workers', () => {
    const [top, relay] = nodesOf(measured);
    expect(top).toMatchObject({ kind: 'coordinator', below: 2, answers: 6, sums: 0, shards: 256 });
    expect(relay).toMatchObject({ kind: 'relay', below: 100, answers: 98, sums: 3, shards: 128 });
    const direct = nodesOf({ ...measured, relays: 0, relay: undefined });
    expect(direct).toEqual([{ ...top, below: 200 }]);
  });

  it('stay if nobody disturbed them more than others of the same', () => {
    const loud = { ...measured, othersCores: 1.2 };
    const other = { ...measured, workers: 50 };
    expect(quietest([measured, loud, other])).toEqual([other, measured]);
    expect(quietest([loud, measured])).toEqual([measured]);
  });
});

describe('a tree of relays', () => {
  it('has as few below each node as its levels allow', () => {
    expect(treeOf(10_000, 0).fanIn).toBe(10_000);
    expect(treeOf(10_000, 1).fanIn).toBe(100);
    expect(treeOf(1000, 2).fanIn).toBe(10);
    expect(treeOf(1001, 2).fanIn).toBe(11);
    expect(predict(cost, place, float32, treeOf(10_000, 3)).relays).toBe(1110);
  });

  it('is what makes many workers possible, and no more levels than help', () => {
    const direct = predict(cost, place, float32, treeOf(10_000, 0));
    const best = bestTree(cost, place, float32, 4);
    expect(best.stepsPerSecond).toBeGreaterThan(50 * direct.stepsPerSecond);
    expect(bestTree(cost, { ...place, workers: 2 }, float32, 4).relays).toBe(0);
    // So far away that every level costs more than it spares.
    expect(bestTree(cost, { ...place, workers: 100, latencyMs: 1e5 }, float32, 4).relays).toBe(0);
  });

  it('takes the time of its parts, and names the largest', () => {
    const boundOf = (changes: Partial<Place>) => {
      const changed = { ...place, workers: 100, ...changes };
      const { bound, parts, stepsPerSecond } = predict(cost, changed, float32, treeOf(100, 1));
      const sumMs = Object.values(parts).reduce((sum, each) => sum + each, 0);
      expect(1000 / stepsPerSecond).toBeCloseTo(sumMs, 6);
      return bound;
    };
    expect(boundOf({})).toBe('processor');
    expect(boundOf({ uplink: 1e6 })).toBe('uplink of a node');
    expect(boundOf({ downlink: 1e6 })).toBe('downlink of a node');
    expect(boundOf({ latencyMs: 1000 })).toBe('latency');
    expect(boundOf({ samplesPerSecond: 10 })).toBe('workers');
  });
});

describe('a plan', () => {
  const planFor = (changes: Partial<Place>) =>
    choose(syncings.map((syncing) => bestTree(cost, { ...place, ...changes }, syncing, 4))).syncing;

  it('changes training no more than the line asks for', () => {
    expect(planFor({ workers: 2, samplesPerSecond: 100 })).toMatchObject(float32);
    const thin = planFor({ workers: 4, samplesPerSecond: 2000, uplink: 12e6, downlink: 12e6 });
    expect(thin.localSteps).toBeGreaterThan(1);
    expect(thin.localSteps).toBeLessThan(32);
  });

  it('sends as little as it can where nothing is enough', () => {
    expect(planFor({ uplink: 1000, downlink: 1000 })).toEqual(syncings.at(-1));
  });
});

it('reads times as people write them', () => {
  expect(parseDuration('50ms')).toBe(50);
  expect(parseDuration('0.2s')).toBe(200);
  expect(() => parseDuration('soon')).toThrow('"soon" is no time');
});

function mean(values: readonly number[]): number {
  return values.reduce((sum, each) => sum + each, 0) / values.length;
}
