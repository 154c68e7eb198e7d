// How uPlot draws a curve here: axes, colours, what is shared between the charts.
import type uPlot from 'uplot';
import type { Points } from '../curves.ts';
import { curves } from '../store.ts';
import { drawMarks } from './marks.ts';
import { type XAxis, zoom } from './options.ts';

/** Where a logarithm ends. */
export const leastLoss = 1e-6;
const syncKey = 'curves';

interface ChartLook {
  readonly axis: XAxis;
  readonly isLog: boolean;
  readonly isNoisy: boolean;
  readonly format: (value: number) => string;
  readonly stepsPerEpoch: number;
}

export function xValues(
  { versions, times }: Pick<Points, 'versions' | 'times'>,
  axis: XAxis,
  stepsPerEpoch: number,
): number[] {
  if (axis === 'time') return times;
  return axis === 'step' ? versions : versions.map((version) => version / stepsPerEpoch);
}

export function chartOptions(look: ChartLook): Omit<uPlot.Options, 'width' | 'height'> {
  const { axis, isLog, isNoisy, format, stepsPerEpoch } = look;
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
  const line: uPlot.Series = { stroke: accent, width: 2.5, points: { show: false } };
  const dotted: uPlot.Series = {
    stroke: colourOf('--cool'),
    width: 2.5,
    points: { show: true, size: 7, fill: colourOf('--cool') },
  };
  return {
    legend: { show: false },
    scales: {
      // The same for all four, whatever points each of them has: so that the crosshair means the same in all.
      x: { time: axis === 'time', range: () => shownRange(axis, stepsPerEpoch) },
      y: { distr: isLog ? 3 : 1 },
    },
    axes: [
      { ...axisLook, size: 30, space: 70 },
      {
        ...axisLook,
        size: 56,
        values: (_, splits) =>
          splits.map((value) => (value === null ? null : tickText(value, format))),
      },
    ],
    series: isNoisy ? [{}, raw, line] : [{}, dotted],
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
            xValues({ versions: [version], times: [time] }, axis, stepsPerEpoch)[0];
          drawMarks(chart, curves.marks, x, colourOf);
        },
      ],
    },
  };
}

function shownRange(axis: XAxis, stepsPerEpoch: number): [number, number] {
  return zoom.value === undefined
    ? fullRange(axis, stepsPerEpoch)
    : [zoom.value.min, zoom.value.max];
}

/** From the start, or from the first fact where time is shown. */
function fullRange(axis: XAxis, stepsPerEpoch: number): [number, number] {
  const ends = [curves.train, curves.test].flatMap((points) => {
    const xs = xValues(points, axis, stepsPerEpoch);
    return xs.length > 0 ? [xs[0], xs[xs.length - 1]] : [];
  });
  if (ends.length === 0)
    return axis === 'time' ? [Date.now() / 1000 - 1, Date.now() / 1000] : [0, 1];
  return [axis === 'time' ? Math.min(...ends) : 0, Math.max(...ends)];
}

/** As the values are written, without the zeros that say nothing. */
function tickText(value: number, format: (value: number) => string): string {
  return format(value)
    .replace(/(\.\d*?)0+(?=\D|$)/, '$1')
    .replace(/\.(?=\D|$)/, '');
}
