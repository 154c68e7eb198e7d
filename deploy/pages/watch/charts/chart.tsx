// One curve, drawn by uPlot: followed while the run goes on, zoomed and pointed at together with the others.
import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { compared } from '../past/past-store.ts';
import { curves, run } from '../store.ts';
import { type ChartedCurves, ownTable, tableBeside } from './chart-data.ts';
import { chartOptions, shownRange } from './chart-options.ts';
import { joined } from './joined.ts';
import { moveByKeys, panByPointer, zoomByFingers } from './moves.ts';
import { isLogLoss, smoothing, theme, xAxis, zoom } from './options.ts';

export interface ChartProps extends Pick<ChartedCurves, 'set' | 'column' | 'isNoisy'> {
  readonly title: string;
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
  const weight = smoothing.value;
  const charted = { set, column, isNoisy, isLog, axis, weight };
  const beside = useMemo(() => tableBeside(others, charted), [isLog, axis, weight, others]);
  const own = useMemo(() => ownTable(curves, charted), [version, isLog, axis, weight]);
  const data = useMemo(() => (others.length === 0 ? own : joined([own, beside])), [own, beside]);
  const xs = own[0];
  const trend = own[own.length - 1] as number[];

  useEffect(() => {
    const element = place.current!;
    const most = column === 'accuracies' ? 1 : Number.POSITIVE_INFINITY;
    const options = chartOptions({ axis, isLog, isNoisy, most, format, others });
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
  useEffect(() => chart.current?.setData(data), [data]);
  useEffect(() => {
    const [min, max] = shownRange(axis);
    chart.current?.setScale('x', { min, max });
  }, [zoom.value]);

  const x = pointedAt.value;
  // The last point that is not behind what is pointed at.
  const at = x === undefined ? trend.length - 1 : lastUpTo(x, xs);
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

/** Where the last of these is that is not greater; they ascend. */
function lastUpTo(limit: number, ascending: ArrayLike<number | null | undefined>): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! <= limit) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function sizeOf({ clientWidth, clientHeight }: HTMLElement) {
  return { width: clientWidth, height: clientHeight };
}
