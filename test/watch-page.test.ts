// What the page at / makes of events, without a browser: the curves and how they are smoothed.
import { readFile } from 'node:fs/promises';
import uPlot from 'uplot';
import { describe, expect, it } from 'vitest';
import { joined, type Table } from '../deploy/pages/watch/charts/joined.ts';
import { Curves } from '../deploy/pages/watch/curves.ts';
import { bytesText, durationText, timeTickText } from '../deploy/pages/watch/format.ts';
import { smoothed } from '../deploy/pages/watch/smoothing.ts';
import { trafficBetween } from '../deploy/pages/watch/worker-traffic.ts';
import { createRandom } from '../shared/random.ts';
import { leastDifference } from './colour-blindness.ts';
import { epoch, run, step, workers } from './terminal-events.ts';

describe('the curves', () => {
  it('take a point of each step and of each epoch, at its version and its time', () => {
    const curves = new Curves();
    for (const event of [run, { ...step, time: '2026-11-22T10:00:00.500Z' }, epoch])
      curves.add(event);
    expect(curves.train).toEqual({
      versions: [step.version],
      times: [Date.parse('2026-11-22T10:00:00Z') / 1000 + 0.5],
      losses: [step.loss],
      accuracies: [step.accuracy],
    });
    expect(curves.test).toMatchObject({ versions: [epoch.version], losses: [epoch.testLoss] });
  });

  it('lose what the run lost when its coordinator was killed', () => {
    const curves = new Curves();
    const versions = [10, 20, 30, 40];
    for (const version of versions) {
      curves.add({ ...step, version });
      curves.add({ type: 'checkpoint', seq: 1, time: step.time, version, path: '', seconds: 1 });
    }
    curves.add({ ...run, fromVersion: 25 });
    curves.add({ ...step, version: 30 });
    expect(curves.train.versions).toEqual([10, 20, 30]);
    expect(curves.marks.map(({ version }) => version)).toEqual([10, 20]);
  });

  it('know when their run began, however often it was started again', () => {
    const curves = new Curves();
    curves.add({ ...run, time: '2026-11-22T10:00:00Z' });
    curves.add({ ...run, fromVersion: 25, time: '2026-11-22T11:00:00Z' });
    expect(curves.startedAt).toBe(Date.parse('2026-11-22T10:00:00Z') / 1000);
    expect(curves.stepsPerEpoch).toBe(run.stepsPerEpoch);
  });

  it('grow thin, and keep their first and last points, when the run is long', () => {
    const curves = new Curves();
    for (let version = 1; version <= 100_000; version++) curves.add({ ...step, version });
    const { versions } = curves.train;
    expect(versions.length).toBeLessThanOrEqual(12_000);
    expect([versions[0], versions.at(-1)]).toEqual([1, 100_000]);
  });
});

describe('curves of several runs', () => {
  it('come into one table, with nothing where a run has no point', () => {
    const own: Table = [
      [1, 3, 5],
      [10, 30, 50],
      [11, 31, 51],
    ];
    const other: Table = [
      [0, 3, 6],
      [1, 2, 3],
    ];
    const none = undefined;
    expect(joined([own, other, [[], []]])).toEqual([
      [0, 1, 3, 5, 6],
      [none, 10, 30, 50, none],
      [none, 11, 31, 51, none],
      [1, none, 2, none, 3],
      [none, none, none, none, none],
    ]);
  });

  it('come into the same one as uPlot makes of them', () => {
    const random = createRandom('curves');
    const tables = Array.from({ length: 4 }, (): Table => {
      const xs = Array.from({ length: 50 }, (_, at) => at).filter(() => random.uniform() < 0.5);
      return [xs, xs.map(() => random.uniform())];
    });
    expect(joined(tables)).toEqual(uPlot.join(tables));
  });
});

describe('a smoothed curve', () => {
  it('is the curve itself with the weight 0', () => {
    expect(smoothed([3, 1, 2], 0)).toEqual([3, 1, 2]);
  });

  it('begins with the first value, and stays where all are alike', () => {
    const [first] = smoothed([5, 0, 0], 0.9);
    expect(first).toBeCloseTo(5, 12);
    for (const value of smoothed([2, 2, 2, 2], 0.99)) expect(value).toBeCloseTo(2, 12);
  });

  it('weighs each value half as much as the next one with the weight 0.5', () => {
    const [, , third] = smoothed([1, 2, 4], 0.5);
    expect(third).toBeCloseTo((1 + 2 * 2 + 4 * 4) / 7, 12);
  });
});

describe('the traffic of a worker', () => {
  const [row] = workers.rows;
  const at = (seconds: number, bytesIn: number, bytesOut: number) => ({
    ...workers,
    time: new Date(1000 * seconds).toISOString(),
    rows: [{ ...row, bytesIn, bytesOut }],
  });

  it('is what it sent and received since its row was told before', () => {
    const traffic = trafficBetween(at(10, 1000, 500), at(12, 5000, 600));
    expect(traffic.get(row.worker)).toEqual({ sentPerSecond: 2000, receivedPerSecond: 50 });
  });

  it('is unknown at first, and for who was not there before', () => {
    expect(trafficBetween(undefined, at(12, 5000, 600)).size).toBe(0);
    expect(trafficBetween({ ...at(10, 0, 0), rows: [] }, at(12, 5000, 600)).size).toBe(0);
  });
});

describe('the colours of runs that are compared', () => {
  it.each(['light', 'dark'] as const)(
    'are told apart whatever eyes see them: %s',
    async (scheme) => {
      const [past, theme] = await Promise.all(
        ['watch/past/past.css', 'theme.css'].map((path) =>
          readFile(new URL(`../deploy/pages/${path}`, import.meta.url), 'utf8'),
        ),
      );
      const coloursOf = (css: string, names: RegExp): string[] =>
        [...css.matchAll(names)].map(([, colour]) => colour);
      const half = scheme === 'light' ? 0 : 1;
      const others = coloursOf(past, /--run-\d: (#[0-9a-f]{6})/g).slice(5 * half, 5 * half + 5);
      const accent = coloursOf(theme, /--accent: (#[0-9a-f]{6})/g)[half];
      const all = [accent, ...others];
      expect(all).toHaveLength(6);
      for (const [at, one] of all.entries()) {
        for (const other of all.slice(at + 1)) {
          expect(leastDifference(one, other), `${one} and ${other}`).toBeGreaterThan(30);
        }
      }
    },
  );
});

describe('numbers on the page', () => {
  it('have units that fit', () => {
    expect([0, 999, 1400, 12_345_678].map(bytesText)).toEqual(['0 B', '999 B', '1.4 kB', '12 MB']);
    expect([48, 200, 7500].map(durationText)).toEqual(['48 s', '3 min 20 s', '2 h 5 min']);
  });

  it('tell the time of day beside a curve as far as its marks differ', () => {
    const textOf = (hour: number, step: number) =>
      timeTickText(new Date(2026, 10, 24, hour, 3, 22).getTime() / 1000, step);
    expect([1, 60, 3600, 86_400].map((step) => textOf(14, step))).toEqual([
      '14:03:22',
      '14:03',
      '14:03',
      '24 Nov',
    ]);
    const midnight = new Date(2026, 10, 25).getTime() / 1000;
    expect([60, 3600].map((step) => timeTickText(midnight, step))).toEqual(['00:00', '25 Nov']);
  });
});
