// One curve, drawn by uPlot: followed while the run goes on, zoomed and pointed at together with the others.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import type { Points } from '../curves.ts';
import { compared } from '../past/past-store.ts';
import { smoothed } from '../smoothing.ts';
import { curves, run } from '../store.ts';
import { chartOptions, leastLoss, xValues } from './chart-options.ts';
import { moveByKeys, panByPointer, zoomByFingers } from './moves.ts';
import { isLogLoss, smoothing, theme, xAxis, zoom } from './options.ts';

export interface ChartProps {
  readonly title: string;
  /** Which of the curves of a run. */
  readonly set: 'train' | 'test';
  readonly column: 'losses' | 'accuracies';
  /** Of so many points that a trend is drawn over them. */
  readonly isNoisy: boolean;
  readonly format: (value: number) => string;
  /** Another one means that the points have changed. */
  readonly version: number;
}

export function Chart(props: ChartProps) {
  const { title, set, column, isNoisy, format, version } = props;
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>(undefined);
  const pointedAt = useSignal<number | undefined>(undefined);
  const axis = xAxis.value;
  const isLog = column === 'losses' && isLogLoss.value;
  const others = compared.value;
  const valuesOf = (points: Points): number[] =>
    isLog ? points[column].map((value) => Math.max(value, leastLoss)) : points[column];
  const trendOf = (values: number[]): number[] =>
    isNoisy ? smoothed(values, smoothing.value) : values;
  const xs = xValues(curves[set], axis, curves);
  const values = valuesOf(curves[set]);
  const trend = trendOf(values);
  const own: uPlot.AlignedData = isNoisy ? [xs, values, trend] : [xs, values];
  const beside = others.map(({ curves: other }): uPlot.AlignedData => {
    return [xValues(other[set], axis, other), trendOf(valuesOf(other[set]))];
  });
  const data = beside.length === 0 ? own : uPlot.join([own, ...beside]);

  useEffect(() => {
    const element = place.current!;
    const options = chartOptions({ axis, isLog, isNoisy, format, others });
    const plot = new uPlot(
      {
        ...options,
        ...sizeOf(element),
        hooks: {
          ...options.hooks,
          setCursor: [
            ({ cursor, data: [drawn] }) => {
              pointedAt.value = cursor.idx == null ? undefined : drawn[cursor.idx];
            },
          ],
        },
      },
      data,
      element,
    );
    chart.current = plot;
    const stopPanning = panByPointer(plot);
    const stopFingers = zoomByFingers(plot);
    const resizing = new ResizeObserver(() => plot.setSize(sizeOf(element)));
    resizing.observe(element);
    return () => {
      resizing.disconnect();
      stopPanning();
      stopFingers();
      plot.destroy();
    };
  }, [axis, isLog, theme.value, others]);
  useEffect(() => {
    chart.current?.setData(data);
  }, [version, zoom.value, smoothing.value, others]);

  const x = pointedAt.value;
  // The last point that is not behind what is pointed at.
  const at = x === undefined ? trend.length - 1 : xs.findLastIndex((value) => value <= x);
  return (
    <figure>
      <figcaption>
        {title}
        {run.value !== undefined && (
          <output>{trend.length > at && at >= 0 ? format(trend[at]) : '–'}</output>
        )}
      </figcaption>
      <section
        class="plot"
        ref={place}
        aria-label={`${title}: arrow keys move, plus and minus zoom, 0 shows all`}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the keys that its label tells of
        tabIndex={0}
        onKeyDown={(event) => chart.current && moveByKeys(event, chart.current)}
      />
    </figure>
  );
}

function sizeOf({ clientWidth, clientHeight }: HTMLElement) {
  return { width: clientWidth, height: clientHeight };
}
