// The path of a trend, with at most one joint over each pixel: joints of a thick line are what charts cost most.
import uPlot from 'uplot';

/** Points over the same pixel become their mean; where there are fewer points than pixels each stays as it is. */
export const meanPath: uPlot.Series.PathBuilder = (chart, at, first, last) => {
  const xs = chart.data[0];
  const ys = chart.data[at];
  const { scale = 'y' } = chart.series[at];
  const stroke = new Path2D();
  // From the left end on, not from 0: seconds since 1970 would lose their pixels to rounding.
  const { min = 0, max = 1 } = chart.scales.x;
  const start = chart.valToPos(min, 'x', true);
  const width = (chart.valToPos(max, 'x', true) - start) / (max - min);
  let pixel: number | undefined;
  let [count, sumX, sumY] = [0, 0, 0];
  const join = (): void => {
    if (count > 0) stroke.lineTo(sumX / count, chart.valToPos(sumY / count, scale, true));
    [count, sumX, sumY] = [0, 0, 0];
  };
  for (let point = first; point <= last; point++) {
    const y = ys[point];
    // Of joined tables: only another run has a point here.
    if (y == null) continue;
    const x = start + width * (xs[point] - min);
    const under = Math.floor(x / uPlot.pxRatio);
    if (under !== pixel) join();
    pixel = under;
    count++;
    sumX += x;
    sumY += y;
  }
  join();
  return { stroke };
};
