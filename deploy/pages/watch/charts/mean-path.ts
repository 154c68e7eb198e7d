// The path of a trend, with at most one joint over each pixel: joints of a thick line are what charts cost most.
import uPlot from 'uplot';

/** Points over the same pixel become their mean; where there are fewer points than pixels each stays as it is. */
export const meanPath: uPlot.Series.PathBuilder = (chart, at, first, last) => {
  const xs = chart.data[0];
  const ys = chart.data[at];
  const { scale = 'y' } = chart.series[at];
  const stroke = new Path2D();
  const start = chart.valToPos(0, 'x', true);
  const width = chart.valToPos(1, 'x', true) - start;
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
    const x = start + width * xs[point];
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
