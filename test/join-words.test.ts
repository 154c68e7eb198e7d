// What /join says and knows, without a browser.
import { describe, expect, it } from 'vitest';
import { parseLink } from '../deploy/pages/join/link.ts';
import {
  endingText,
  explanationText,
  percent,
  purposeText,
  statusText,
  taskText,
} from '../deploy/pages/join/wording.ts';
import { type RejectReason, rejectReasons } from '../shared/protocol.ts';
import { type CurvePoint, extendCurve } from '../worker/browser/curve.ts';
import type { TabEnding, TabState } from '../worker/browser/tab-state.ts';
import { end, epoch, run, step, viewOf, waiting } from './terminal-events.ts';

const atWork: TabState = {
  phase: { kind: 'training' },
  run: viewOf(run, step),
  curve: [],
  samplesPerSecond: 2640,
  samples: 12_340,
};

describe('the page to join', () => {
  it('says in two sentences what it will compute and for whom', () => {
    expect(`${taskText(run)} ${purposeText(run, 7, 'lab.local')}`).toBe(
      'This page will compute gradients for a neural network of 415,310 weights that learns to read handwritten ' +
        'digits (MNIST) from 60,000 images. The work is for the run mnist-1 of lab.local, beside 7 other devices; ' +
        'nothing that is on this device is read or sent.',
    );
    expect(purposeText({ ...run, run: '20261124-151108-mnist-ec6p' }, 1, 'lab')).toContain(
      'the run mnist-ec6p of lab, beside 1 other device;',
    );
  });

  it('names what holds up the training, and what an absent coordinator means', () => {
    const held = { ...atWork, run: viewOf(run, step, waiting) };
    expect(statusText(held)).toBe('Training pauses for a moment');
    expect(explanationText(held)).toBe(waiting.text);
    const away: TabState = { ...atWork, phase: { kind: 'away' } };
    expect(explanationText(away)).toContain('goes on by itself when it is back');
  });

  it('tells how a run ended, what it was good for, and thanks whoever helped', () => {
    const finished = { ...atWork, run: viewOf(run, step, end) };
    const said = (ending: TabEnding, state = finished) => endingText(ending, state);
    expect(said({ kind: 'finished', reason: 'completed' })).toMatchObject({
      title: 'The run is finished.',
      text: 'Together you trained a network that is right about 98.2 % of images it has never seen. This device computed 12,340 samples.',
    });
    expect(said({ kind: 'finished', reason: 'diverged' }).text).toContain(
      'a smaller learning rate',
    );
    expect(said({ kind: 'left' }).text).toBe('Thank you. This device computed 12,340 samples.');
    expect(said({ kind: 'outdated' }).action).toBe('Reload');
    const broken: TabEnding = { kind: 'failed', detail: 'no engine runs here' };
    expect(said(broken, { ...finished, samples: 0 }).text).toBe('No engine runs here.');
  });

  it.each(Object.keys(rejectReasons) as RejectReason[])(
    'passes on why it was sent away: %s',
    (reason) => {
      const ending: TabEnding = { kind: 'refused', reason, detail: rejectReasons[reason] };
      expect(endingText(ending, atWork).text).toBe(`Its reason: ${rejectReasons[reason]}.`);
    },
  );

  it.each([
    [0, '0.00 %'],
    [0.00314, '0.31 %'],
    [0.0314, '3.1 %'],
    [1, '100.0 %'],
  ])('writes %d as %s', (fraction, text) => {
    expect(percent(fraction)).toBe(text);
  });
});

it('a link starts the work only when it says so', () => {
  expect(parseLink('')).toEqual({ autostart: false });
  expect(parseLink('#name=Ada%20L.&engine=wasm:simd')).toEqual({
    autostart: false,
    name: 'Ada L.',
    engine: 'wasm:simd',
  });
  expect(parseLink('#t=k7wq2m&autostart')).toMatchObject({ token: 'k7wq2m', autostart: true });
});

describe('the curve of the loss', () => {
  const stepAt = (version: number) => ({ ...step, version, loss: 1 / version });
  const curveOf = (...versions: number[]) =>
    versions.map(stepAt).reduce<readonly CurvePoint[]>(extendCurve, []);

  it('begins with the epochs that a newcomer has missed', () => {
    const events = [run, epoch, stepAt(2000)] as const;
    expect(events.reduce<readonly CurvePoint[]>(extendCurve, [])).toEqual([
      { version: 938, loss: epoch.trainLoss },
      { version: 2000, loss: 1 / 2000 },
    ]);
  });

  it('stays short however long the run is, and keeps its last point', () => {
    let curve: readonly CurvePoint[] = [];
    for (let version = 1; version <= 5000; version++) {
      curve = extendCurve(curve, stepAt(version));
      expect(curve.length).toBeLessThanOrEqual(400);
      expect(curve.at(-1)?.version).toBe(version);
    }
    expect(curve.length).toBeGreaterThan(100);
  });

  it('forgets what a coordinator that was started again will do once more', () => {
    const again = extendCurve(curveOf(10, 20, 30), { ...run, fromVersion: 20 });
    expect(again.map(({ version }) => version)).toEqual([10, 20]);
  });
});
