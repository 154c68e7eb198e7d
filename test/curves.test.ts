import { decode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { writeCurves } from '../coordinator/curve-files.ts';
import { diskReader } from '../coordinator/disk.ts';
import { createRunFolder } from '../coordinator/run-folder.ts';
import { drawCurves } from '../shared/chart/curves.ts';
import type { Drawing, Shape } from '../shared/chart/drawing.ts';
import { rasterize } from '../shared/chart/raster.ts';
import { svgOf } from '../shared/chart/svg.ts';
import { ticksOf } from '../shared/chart/ticks.ts';
import { temporaryFolder } from './support.ts';
import { epoch as evaluated, run } from './terminal-events.ts';

const epochs = Array.from({ length: 20 }, (_, at) => ({
  ...evaluated,
  epoch: at + 1,
  trainLoss: 0.5 / (at + 1),
  testLoss: 0.2 + 0.01 * at,
  trainAccuracy: 1 - 0.18 / (at + 1),
  testAccuracy: 0.95 + 0.001 * at,
}));
type Line = Extract<Shape, { kind: 'line' }>;
type Text = Extract<Shape, { kind: 'text' }>;
const lines = ({ shapes }: Drawing) => shapes.filter((each): each is Line => each.kind === 'line');
const texts = ({ shapes }: Drawing) => shapes.filter((each): each is Text => each.kind === 'text');
const curves = (drawing: Drawing) => lines(drawing).filter(({ points }) => points.length > 2);

describe('the curves of a run', () => {
  it('are four, each under its name and beside its last value', () => {
    const drawing = drawCurves('mnist-1', epochs);
    expect(curves(drawing)).toHaveLength(4);
    const words = texts(drawing).map(({ text }) => text);
    for (const title of ['Train Loss', 'Train Acc', 'Test Loss', 'Test Acc']) {
      expect(words).toContain(title);
    }
    for (const last of ['0.0250', '99.10 %', '0.3900', '96.90 %']) expect(words).toContain(last);
  });

  it('stand where the scales say, one point an epoch', () => {
    const drawing = drawCurves('mnist-1', epochs);
    const [trainLoss, testLoss, trainAccuracy, testAccuracy] = curves(drawing);
    const found = (curve: Line) => curve.points.map((point) => valueAt(drawing, point));
    for (const [at, each] of epochs.entries()) {
      expect(found(trainLoss)[at]).toBeCloseTo(each.trainLoss, 6);
      expect(found(testLoss)[at]).toBeCloseTo(each.testLoss, 6);
      expect(found(trainAccuracy)[at]).toBeCloseTo(100 * each.trainAccuracy, 4);
      expect(found(testAccuracy)[at]).toBeCloseTo(100 * each.testAccuracy, 4);
    }
    const steps = trainLoss.points.slice(1).map(([x], at) => x - trainLoss.points[at][0]);
    expect(Math.max(...steps) - Math.min(...steps)).toBeLessThan(1e-9);
  });

  it.each([1, 2, 41, 1000])('fit into the picture, however many epochs there are: %i', (count) => {
    const many = Array.from({ length: count }, (_, at) => ({ ...evaluated, epoch: at + 1 }));
    const drawing = drawCurves('mnist-1', many);
    const { width, height } = drawing;
    for (const [x, y] of drawing.shapes.flatMap((each) =>
      each.kind === 'line' ? each.points : [each.at],
    )) {
      expect(x).toBeGreaterThan(0);
      expect(x).toBeLessThan(width);
      expect(y).toBeGreaterThan(0);
      expect(y).toBeLessThan(height);
    }
  });

  it('leave out what is no number', () => {
    const diverged = epochs.map((each) => ({ ...each, trainLoss: Number.NaN }));
    const drawing = drawCurves('mnist-1', diverged);
    expect(curves(drawing)).toHaveLength(3);
    expect(svgOf(drawing)).not.toContain('NaN');
  });
});

describe('a drawing', () => {
  const drawing: Drawing = {
    width: 20,
    height: 10,
    background: '#ffffff',
    title: 'a < b',
    shapes: [
      {
        kind: 'line',
        points: [
          [2, 5],
          [18, 5],
        ],
        color: '#ff0000',
        width: 2,
      },
      { kind: 'text', at: [10, 9], text: '<&>', size: 8, anchor: 'middle', color: '#000000' },
    ],
  };

  it('is SVG whose words are only words', () => {
    const svg = svgOf(drawing);
    expect(svg).toContain('<title>a &lt; b</title>');
    expect(svg).toContain('>&lt;&amp;&gt;</text>');
    expect(svg).toContain('<polyline points="2,5 18,5" ');
  });

  it('is pixels that a line covers as far as it reaches', () => {
    const [line] = drawing.shapes;
    const { data, width, height } = rasterize({ ...drawing, shapes: [line] }, 3);
    expect([width, height]).toEqual([60, 30]);
    const green = (x: number, y: number) => data[3 * (y * width + x) + 1];
    // Six pixels wide, with round ends.
    expect([11, 12, 17, 18].map((y) => green(30, y))).toEqual([255, 0, 0, 255]);
    expect([2, 4, 30, 55, 57].map((x) => green(x, 15) === 0)).toEqual([
      false,
      true,
      true,
      true,
      false,
    ]);
    expect(data[0]).toBe(255);
  });
});

describe('round numbers', () => {
  it.each([
    [0, 0.51, 5, [0, 0.2, 0.4, 0.6]],
    [0.83, 1, 5, [0.8, 0.85, 0.9, 0.95, 1]],
    [0, 1000, 6, [0, 200, 400, 600, 800, 1000]],
    [1, 1, 5, [1, 1.2]],
    [0, 0, 5, [0, 0.2]],
  ])('from %d to %d', (min, max, most, expected) => {
    const ticks = ticksOf(min, max, most);
    expect(ticks.map((tick) => +tick.toPrecision(9))).toEqual(expected);
  });
});

describe('the pictures in the folder of a run', () => {
  it('show what the drawing shows', async (t) => {
    const folder = await createRunFolder(temporaryFolder(t), run.config, new Date());
    await writeCurves(folder, epochs);
    const drawing = drawCurves(folder.id, epochs);
    const svg = await diskReader.read(folder.paths.curvesSvg);
    expect(Buffer.from(svg!).toString()).toBe(svgOf(drawing));
    const { width, height, channels, data } = decode(
      (await diskReader.read(folder.paths.curvesPng))!,
    );
    expect({ width, height, channels }).toEqual({ width: 2000, height: 1448, channels: 3 });
    for (const { points, color } of curves(drawing)) {
      for (const [x, y] of points) {
        const at = 3 * (Math.floor(2 * y) * width + Math.floor(2 * x));
        expect(Buffer.from(data.slice(at, at + 3) as Uint8Array).toString('hex')).toBe(
          color.slice(1),
        );
      }
    }
  });

  it('are none where no epoch was evaluated', async (t) => {
    const folder = await createRunFolder(temporaryFolder(t), run.config, new Date());
    await writeCurves(folder, []);
    expect(await diskReader.read(folder.paths.curvesSvg)).toBeUndefined();
  });
});

/** What the labels of the chart around a point say of its height. */
function valueAt(drawing: Drawing, [x, y]: readonly [number, number]): number {
  const grid = lines(drawing)
    .filter(({ points }) => points.length === 2 && points[0][0] <= x && points[1][0] >= x)
    .map(({ points: [[left, height]] }) => {
      const label = texts(drawing).find(({ at, anchor }) => {
        return anchor === 'end' && at[0] === left - 8 && at[1] === height + 4;
      });
      return { height, value: Number.parseFloat(label!.text) };
    });
  // Of the chart above or below, whose lines are far away.
  const near = grid.sort((a, b) => Math.abs(a.height - y) - Math.abs(b.height - y)).slice(0, 2);
  const [one, other] = near;
  return one.value + ((y - one.height) * (other.value - one.value)) / (other.height - one.height);
}
