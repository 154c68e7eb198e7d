// The four curves of a run as pictures in its folder.
import { encode } from 'fast-png';
import { drawCurves } from '../shared/chart/curves.ts';
import { rasterize } from '../shared/chart/raster.ts';
import { svgOf } from '../shared/chart/svg.ts';
import type { RunEventOf } from '../shared/events.ts';
import { replaceFile, runOnDisk } from './disk.ts';
import type { RunFolder } from './run-folder.ts';

/** For screens that draw two pixels for one. */
const pngScale = 2;

/** Nothing where no epoch was evaluated. */
export async function writeCurves(
  { id, paths }: RunFolder,
  epochs: readonly RunEventOf<'epoch'>[],
): Promise<void> {
  if (epochs.length === 0) return;
  const drawing = drawCurves(id, epochs);
  await runOnDisk(replaceFile(paths.curvesSvg, Buffer.from(svgOf(drawing))));
  const png = encode({ ...rasterize(drawing, pngScale), channels: 3, depth: 8 });
  await runOnDisk(replaceFile(paths.curvesPng, png));
}
