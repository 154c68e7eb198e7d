// One curve, drawn by uPlot: followed while the run goes on, zoomed and pointed at together with the others.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import type { Points } from '../curves.ts';
import { smoothed } from '../smoothing.ts';
import { chartOptions, leastLoss, xValues } from './chart-options.ts';
import { moveByKeys, panByPointer } from './moves.ts';
import { isLogLoss, smoothing, theme, xAxis, zoom } from './options.ts';

export interface ChartProps {
  readonly title: string;
  readonly points: Points;
  readonly column: 'losses' | 'accuracies';
  /** Of so many points that a trend is drawn over them. */
  readonly isNoisy: boolean;
  readonly format: (value: number) => string;
  readonly stepsPerEpoch: number;
  /** Another one means that the points have changed. */
  readonly version: number;
}

export function Chart(props: ChartProps) {
  const { title, points, column, isNoisy, format, stepsPerEpoch, version } = props;
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>(undefined);
  const pointedAt = useSignal<number | undefined>(undefined);
  const axis = xAxis.value;
  const isLog = column === 'losses' && isLogLoss.value;
  const xs = xValues(points, axis, stepsPerEpoch);
  const values = isLog ? points[column].map((value) => Math.max(value, leastLoss)) : points[column];
  const trend = isNoisy ? smoothed(values, smoothing.value) : values;
  const data: uPlot.AlignedData = isNoisy ? [xs, values, trend] : [xs, values];

  useEffect(() => {
    const element = place.current!;
    const options = chartOptions({ axis, isLog, isNoisy, format, stepsPerEpoch });
    const plot = new uPlot(
      {
        ...options,
        ...sizeOf(element),
        hooks: {
          ...options.hooks,
          setCursor: [
            ({ cursor }) => {
              pointedAt.value = cursor.idx ?? undefined;
            },
          ],
        },
      },
      data,
      element,
    );
    chart.current = plot;
    const stopPanning = panByPointer(plot);
    const resizing = new ResizeObserver(() => plot.setSize(sizeOf(element)));
    resizing.observe(element);
    return () => {
      resizing.disconnect();
      stopPanning();
      plot.destroy();
    };
  }, [axis, isLog, theme.value, stepsPerEpoch]);
  useEffect(() => {
    chart.current?.setData(data);
  }, [version, zoom.value, smoothing.value]);

  const at = pointedAt.value ?? trend.length - 1;
  return (
    <figure>
      <figcaption>
        {title}
        <output>{trend.length > at && at >= 0 ? format(trend[at]) : '–'}</output>
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
