// How uPlot draws a curve here: axes, colours, what is shared between the charts.
import uPlot from 'uplot';
import type { Curves, Points } from '../curves.ts';
import { durationText, timeTickText } from '../format.ts';
import { dashesOf } from '../past/key.tsx';
import { type Compared, colours, compared } from '../past/past-store.ts';
import { curves } from '../store.ts';
import { drawMarks } from './marks.ts';
import { meanPath } from './mean-path.ts';
import { type XAxis, zoom } from './options.ts';

/** Where a logarithm ends. */
export const leastLoss = 1e-6;
const syncKey = 'curves';

interface ChartLook {
  readonly axis: XAxis;
  readonly isLog: boolean;
  readonly isNoisy: boolean;
  /** No value is greater. */
  readonly most: number;
  readonly format: (value: number) => string;
  /** Drawn beside it. */
  readonly others: readonly Compared[];
}

/** Runs that are compared began at different times: then it is the time since each began. */
export function xValues(
  { versions, times }: Pick<Points, 'versions' | 'times'>,
  axis: XAxis,
  { startedAt, stepsPerEpoch }: Pick<Curves, 'startedAt' | 'stepsPerEpoch'>,
): number[] {
  if (axis === 'epoch') return versions.map((version) => version / stepsPerEpoch);
  if (axis === 'step') return versions;
  return compared.value.length === 0 ? times : times.map((time) => time - startedAt);
}

export function chartOptions(look: ChartLook): Omit<uPlot.Options, 'width' | 'height'> {
  const { axis, isLog, isNoisy, most, format, others } = look;
  const isElapsed = axis === 'time' && others.length > 0;
  const isOfDay = axis === 'time' && !isElapsed;
  const style = getComputedStyle(document.documentElement);
  const colourOf = (name: string): string => style.getPropertyValue(name);
  const axisLook = {
    stroke: colourOf('--muted'),
    grid: { stroke: colourOf('--line'), width: 1 },
    ticks: { show: false },
    font: '13px system-ui, sans-serif',
  };
  const accent = colourOf('--accent');
  const raw: uPlot.Series = {
    stroke: colourOf('--accent-faint'),
    width: 1,
    points: { show: false },
  };
  const line: uPlot.Series = {
    stroke: accent,
    width: 2.5,
    points: { show: false },
    paths: meanPath,
  };
  const dotColour = others.length === 0 ? colourOf('--cool') : accent;
  const dotted: uPlot.Series = {
    stroke: dotColour,
    width: 2.5,
    points: { show: true, size: 7, fill: dotColour },
  };
  const beside = others.map(({ place }): uPlot.Series => {
    const stroke = colourOf(`--run-${place % colours}`);
    const points = { show: !isNoisy, size: 5, fill: stroke };
    return { stroke, width: 2, dash: dashesOf(place), points, paths: meanPath };
  });
  return {
    legend: { show: false },
    scales: {
      // The same for all four, whatever points each of them has: so that the crosshair means the same in all.
      x: { time: isOfDay, range: () => shownRange(axis) },
      y: isLog ? { distr: 3 } : { range: (_, low, high) => roomAround(low, high, most) },
    },
    axes: [
      {
        ...axisLook,
        size: 30,
        space: 70,
        ...(isElapsed && {
          incrs: [...elapsedSteps],
          values: (_: uPlot, splits: number[]) => splits.map(durationText),
        }),
        ...(isOfDay && {
          values: (_: uPlot, splits: number[], __: number, ___: number, step: number) =>
            splits.map((seconds) => timeTickText(seconds, step)),
        }),
      },
      {
        ...axisLook,
        size: 56,
        values: (_, splits) =>
          splits.map((value) => (value === null ? null : tickText(value, format))),
      },
    ],
    // Where one run has no point another may have one.
    series: [{}, ...[...(isNoisy ? [raw, line] : [dotted]), ...beside].map(withoutGaps)],
    cursor: {
      sync: { key: syncKey, scales: ['x', null] },
      drag: { x: true, y: false, setScale: false },
      points: { size: 9 },
      bind: {
        dblclick: () => () => {
          zoom.value = undefined;
          return null;
        },
      },
    },
    hooks: {
      setSelect: [
        (chart) => {
          const { left, width } = chart.select;
          if (width < 5) return;
          zoom.value = {
            min: chart.posToVal(left, 'x'),
            max: chart.posToVal(left + width, 'x'),
          };
          chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
      draw: [
        (chart) => {
          const x = ({ version, time }: { version: number; time: number }) =>
            xValues({ versions: [version], times: [time] }, axis, curves)[0];
          drawMarks(chart, curves.marks, x, colourOf);
        },
      ],
    },
  };
}

/** As uPlot leaves it, which knows of no greatest value. */
function roomAround(low: number | null, high: number | null, most: number): uPlot.Range.MinMax {
  if (low === null || high === null) return [null, null];
  const [min, max] = uPlot.rangeNum(low, high, 0.1, true);
  return [min, Math.min(max ?? most, most)];
}

function withoutGaps(series: uPlot.Series): uPlot.Series {
  return { ...series, spanGaps: true };
}

/** Seconds between the marks of an axis of time. */
const elapsedSteps = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
];

export function shownRange(axis: XAxis): [number, number] {
  return zoom.value === undefined ? fullRange(axis) : [zoom.value.min, zoom.value.max];
}

/** From the start, or from the first fact where the time of day is shown. */
function fullRange(axis: XAxis): [number, number] {
  const others = compared.value.map((each) => each.curves);
  const ends = [curves, ...others].flatMap((each) =>
    [each.train, each.test].flatMap(({ versions, times }) =>
      xValues({ versions: endsOf(versions), times: endsOf(times) }, axis, each),
    ),
  );
  const isOfDay = axis === 'time' && others.length === 0;
  if (ends.length === 0) return isOfDay ? [Date.now() / 1000 - 1, Date.now() / 1000] : [0, 1];
  return [isOfDay ? Math.min(...ends) : 0, Math.max(...ends)];
}

function endsOf(column: readonly number[]): number[] {
  return column.length === 0 ? [] : [column[0], column[column.length - 1]];
}

/** As the values are written, without the zeros that say nothing. */
function tickText(value: number, format: (value: number) => string): string {
  return format(value)
    .replace(/(\.\d*?)0+(?=\D|$)/, '$1')
    .replace(/\.(?=\D|$)/, '');
}
