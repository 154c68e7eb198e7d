// What happened beside the curves, as signs along their upper edge.
import type uPlot from 'uplot';
import type { Mark } from '../curves.ts';

export const markKinds: Readonly<
  Record<Mark['kind'], { readonly glyph: string; readonly title: string; readonly colour: string }>
> = {
  joined: { glyph: '▲', title: 'worker joined', colour: '--good' },
  left: { glyph: '▼', title: 'worker left', colour: '--muted' },
  expelled: { glyph: '✕', title: 'worker expelled', colour: '--bad' },
  rate: { glyph: '●', title: 'learning rate set', colour: '--warn' },
  checkpoint: { glyph: '◆', title: 'checkpoint', colour: '--cool' },
};

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
  ctx.font = `${Math.round(10 * devicePixelRatio)}px sans-serif`;
  ctx.textAlign = 'center';
  ctx.textBaseline = 'top';
  for (const mark of marks) {
    const value = x(mark);
    if (value < min || value > max) continue;
    const { glyph, colour } = markKinds[mark.kind];
    const at = Math.round(chart.valToPos(value, 'x', true));
    ctx.fillStyle = colourOf(colour);
    ctx.fillText(glyph, at, bbox.top);
    ctx.globalAlpha = 0.18;
    ctx.fillRect(at, bbox.top, Math.max(1, devicePixelRatio), bbox.height);
    ctx.globalAlpha = 1;
  }
  ctx.restore();
}
