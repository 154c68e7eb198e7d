import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  bestTree,
  fitNode,
  heldBackErrors,
  leastSquares,
  type NodeMeasurement,
  type Place,
  predict,
  type Syncing,
  treeOf,
} from './bench/cost-model.ts';
import { choose, syncings } from './bench/plan.ts';
import { parseDuration } from './bench/quantities.ts';

const float32: Syncing = { name: 'float32', gradientBytes: 4, weightsBytes: 4, localSteps: 1 };
const made = [10, 100, 1000].flatMap((answers) =>
  [1000, 400_000].map((parameters): NodeMeasurement => {
    const bytes = answers * (200 + 1.01 * 8 * parameters);
    return { parameters, answers, bytes, cpuMs: 2 + 0.1 * answers + 0.25 * (bytes / 1e6) };
  }),
);
const cost = fitNode(made);
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
  it('is found again in measurements that follow it', () => {
    expect(cost.cpuMs.map((each) => each.toFixed(6))).toEqual(['2.000000', '0.100000', '0.250000']);
    expect(cost.bytes.map((each) => each.toFixed(6))).toEqual(['200.000000', '1.010000']);
    for (const error of heldBackErrors(made)) expect(error).toBeCloseTo(0, 9);
  });

  it('comes as near as it can where measurements disagree', () => {
    // Twice x is 1 and 1.1: between them.
    const [x] = leastSquares([[2], [2 / 1.1]]);
    expect(2 * x).toBeCloseTo(1.0452, 3);
  });

  it('tells the stored measurements from one another', () => {
    const file = new URL('./bench/scale-measured.json', import.meta.url);
    const { measurements } = JSON.parse(readFileSync(file, 'utf8'));
    expect(measurements.length).toBeGreaterThan(6);
    for (const error of heldBackErrors(measurements)) expect(Math.abs(error)).toBeLessThan(0.3);
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
