// What happened beside the curves, as signs along their upper edge.
import type uPlot from 'uplot';
import type { Mark } from '../curves.ts';

/** The outline is an SVG path around 0, no further than 5 pixels: not every device has such signs in its fonts. */
export const markKinds: Readonly<
  Record<
    Mark['kind'],
    { readonly outline: string; readonly title: string; readonly colour: string }
  >
> = {
  joined: { outline: 'M0-5 5 4H-5z', title: 'worker joined', colour: '--good' },
  left: { outline: 'M0 5 5-4H-5z', title: 'worker left', colour: '--muted' },
  expelled: {
    outline: 'M-5-3-3-5 0-2 3-5 5-3 2 0 5 3 3 5 0 2-3 5-5 3-2 0z',
    title: 'worker expelled',
    colour: '--bad',
  },
  rate: {
    outline: 'M-4 0a4 4 0 1 0 8 0 4 4 0 1 0-8 0z',
    title: 'learning rate set',
    colour: '--warn',
  },
  checkpoint: { outline: 'M0-5 5 0 0 5-5 0z', title: 'checkpoint', colour: '--cool' },
};
const reach = 5;

/** `x` in the units of the axis. */
export function drawMarks(
  chart: uPlot,
  marks: readonly Mark[],
  x: (mark: Mark) => number,
  colourOf: (name: string) => string,
): void {
  const { ctx, bbox } = chart;
  const { min = 0, max = 0 } = chart.scales.x;
  ctx.save();
  for (const mark of marks) {
    const value = x(mark);
    if (value < min || value > max) continue;
    const { outline, colour } = markKinds[mark.kind];
    const at = Math.round(chart.valToPos(value, 'x', true));
    ctx.fillStyle = colourOf(colour);
    ctx.save();
    ctx.translate(at, bbox.top + reach * devicePixelRatio);
    ctx.scale(devicePixelRatio, devicePixelRatio);
    ctx.fill(new Path2D(outline));
    ctx.restore();
    ctx.globalAlpha = 0.18;
    ctx.fillRect(at, bbox.top, Math.max(1, devicePixelRatio), bbox.height);
    ctx.globalAlpha = 1;
  }
  ctx.restore();
}
