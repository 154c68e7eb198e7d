// What a chart draws, in columns as uPlot takes them: made when points come, not when somebody moves along them.
import type { Curves, Points } from '../curves.ts';
import type { Compared } from '../past/past-store.ts';
import { smoothed } from '../smoothing.ts';
import { leastLoss, xValues } from './chart-options.ts';
import { joined, type Table } from './joined.ts';
import type { XAxis } from './options.ts';

export interface ChartedCurves {
  /** Which of the curves of a run. */
  readonly set: 'train' | 'test';
  readonly column: 'losses' | 'accuracies';
  /** Of so many points that a trend is drawn over them. */
  readonly isNoisy: boolean;
  readonly isLog: boolean;
  readonly axis: XAxis;
  /** Of the trend. */
  readonly weight: number;
}

/** Of the run on screen: x, values, and their trend where they are noisy. Copies, because points go on to change. */
export function ownTable(run: Curves, charted: ChartedCurves): Table {
  const { set, axis, isNoisy } = charted;
  const xs = xValues(run[set], axis, run).slice();
  const values = valuesOf(run[set], charted);
  return isNoisy ? [xs, values, smoothed(values, charted.weight)] : [xs, values];
}

/** Of those beside it: the trends alone, where there are any. */
export function tableBeside(others: readonly Compared[], charted: ChartedCurves): Table {
  const { set, axis, isNoisy, weight } = charted;
  const tables = others.map(({ curves }): Table => {
    const values = valuesOf(curves[set], charted);
    return [xValues(curves[set], axis, curves), isNoisy ? smoothed(values, weight) : values];
  });
  return joined(tables);
}

function valuesOf(points: Points, { column, isLog }: ChartedCurves): number[] {
  return points[column].map((value) => (isLog ? Math.max(value, leastLoss) : value));
}
