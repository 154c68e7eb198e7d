// The four curves of a run over its epochs, each in a chart of its own: loss and accuracy, in training and in test.
// Charts above each other have the same scale, so that they can be compared.
import type { RunEventOf } from '../events.ts';
import type { Drawing, Point, Shape } from './drawing.ts';
import { ticksOf } from './ticks.ts';

type EpochFigures = Pick<
  RunEventOf<'epoch'>,
  'epoch' | 'trainLoss' | 'trainAccuracy' | 'testLoss' | 'testAccuracy'
>;

interface Curve {
  readonly title: string;
  readonly color: string;
  readonly points: readonly Point[];
  /** The last value, for people. */
  readonly last: string;
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

const colors = {
  background: '#ffffff',
  ink: '#1f2328',
  faint: '#656d76',
  grid: '#e4e8ec',
  loss: '#d1495b',
  accuracy: '#2a6fdb',
};
const size = { width: 1000, height: 724 };
const chart = { width: 410, height: 236 };
const lefts = [62, 556];
const tops = [98, 428];
/** A curve of fewer epochs shows each as a dot. */
const mostDots = 40;

/** `name` is that of the run. Values that are no finite numbers are left out. */
export function drawCurves(name: string, epochs: readonly EpochFigures[]): Drawing {
  const loss = [
    curveOf('Train Loss', colors.loss, epochs, ({ trainLoss }) => trainLoss, formatLoss),
    curveOf('Test Loss', colors.loss, epochs, ({ testLoss }) => testLoss, formatLoss),
  ];
  const accuracy = [
    curveOf('Train Acc', colors.accuracy, epochs, (each) => each.trainAccuracy, formatPercent),
    curveOf('Test Acc', colors.accuracy, epochs, (each) => each.testAccuracy, formatPercent),
  ];
  const lastEpoch = epochs.at(-1)?.epoch ?? 1;
  const title = `${name}: loss and accuracy over ${lastEpoch} ${lastEpoch === 1 ? 'epoch' : 'epochs'}`;
  return {
    ...size,
    background: colors.background,
    title,
    shapes: [
      label([lefts[0], 40], name, { size: 20, isBold: true }),
      label([size.width - 34, 40], formatEnd(loss[1].last, accuracy[1].last), {
        size: 15,
        anchor: 'end',
        color: colors.faint,
      }),
      ...column(loss, 0, lastEpoch, [0, 1], (value) => String(+value.toPrecision(3))),
      ...column(accuracy, 1, lastEpoch, [1, 1], (value) => `${+(100 * value).toPrecision(4)} %`),
    ],
  };
}

function curveOf(
  title: string,
  color: string,
  epochs: readonly EpochFigures[],
  figureOf: (epoch: EpochFigures) => number,
  format: (value: number) => string,
): Curve {
  const points = epochs
    .map((each): Point => [each.epoch, figureOf(each)])
    .filter(([, value]) => Number.isFinite(value));
  const last = points.at(-1);
  return { title, color, points, last: last ? format(last[1]) : '-' };
}

/** `always` are values that the scale reaches, whatever the curves do: loss 0, accuracy 1. */
function column(
  curves: readonly Curve[],
  at: number,
  lastEpoch: number,
  always: readonly [from: number, to: number],
  format: (value: number) => string,
): Shape[] {
  const values = curves.flatMap(({ points }) => points.map(([, value]) => value));
  const isLoss = always[0] === 0;
  const known = values.length > 0 ? values : always;
  const lowest = isLoss ? 0 : Math.min(...known);
  const highest = isLoss ? Math.max(...known) : 1;
  const ticks = ticksOf(lowest, highest, 5);
  return curves.flatMap((curve, row) => {
    const box = { left: lefts[at], top: tops[row], ...chart };
    return drawChart(curve, box, lastEpoch, ticks, format);
  });
}

function drawChart(
  { title, color, points, last }: Curve,
  box: Box,
  lastEpoch: number,
  ticks: readonly number[],
  format: (value: number) => string,
): Shape[] {
  const { left, top, width, height } = box;
  const [bottom, right] = [top + height, left + width];
  const [low, high] = [ticks[0], ticks[ticks.length - 1]];
  const firstEpoch = lastEpoch === 1 ? 0 : 1;
  const x = (epoch: number): number =>
    left + (width * (epoch - firstEpoch)) / (lastEpoch - firstEpoch);
  const y = (value: number): number => bottom - (height * (value - low)) / (high - low);
  const drawn = points.map(([epoch, value]): Point => [x(epoch), y(value)]);
  const faint = { size: 12, color: colors.faint };
  return [
    label([left, top - 14], title, { size: 15, isBold: true }),
    label([right, top - 14], last, { size: 15, anchor: 'end', color, isBold: true }),
    ...ticks.flatMap((value): Shape[] => [
      line(
        [
          [left, y(value)],
          [right, y(value)],
        ],
        colors.grid,
        1,
      ),
      label([left - 8, y(value) + 4], format(value), { ...faint, anchor: 'end' }),
    ]),
    ...epochTicks(lastEpoch).map((epoch) =>
      label([x(epoch), bottom + 20], String(epoch), { ...faint, anchor: 'middle' }),
    ),
    label([left + width / 2, bottom + 36], 'epoch', { ...faint, anchor: 'middle' }),
    line(drawn, color, 2.5),
    ...(drawn.length <= mostDots ? drawn.map((point) => line([point], color, 6)) : []),
  ];
}

/** The first, the last, and round numbers between that leave room for both. */
function epochTicks(last: number): number[] {
  const round = ticksOf(0, last, 6);
  const room = (round[1] - round[0]) / 2;
  const between = round.filter((epoch) => epoch % 1 === 0 && epoch > room && epoch <= last - room);
  return [...new Set([1, ...between.filter((epoch) => epoch > 1), last])];
}

function line(points: readonly Point[], color: string, width: number): Shape {
  return { kind: 'line', points, color, width };
}

function label(
  at: Point,
  text: string,
  look: Partial<Extract<Shape, { kind: 'text' }>> & { readonly size: number },
): Shape {
  return { kind: 'text', at, text, anchor: 'start', color: colors.ink, ...look };
}

function formatEnd(loss: string, accuracy: string): string {
  return `test loss ${loss}, test accuracy ${accuracy}`;
}

function formatLoss(loss: number): string {
  return Math.abs(loss) < 1e5 ? loss.toFixed(4) : loss.toExponential(2);
}

function formatPercent(fraction: number): string {
  return `${(100 * fraction).toFixed(2)} %`;
}
