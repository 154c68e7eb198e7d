// A drawing as pixels: every shape is strokes, and a pixel takes as much of the colour as the stroke covers of it.
import type { Drawing, Point, Shape } from './drawing.ts';
import { capHeight, glyphOf } from './stroke-font.ts';

export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** Red, green, blue, row by row. */
  readonly data: Uint8Array;
}

interface Stroke {
  readonly points: readonly Point[];
  readonly width: number;
}

/** `scale` pixels for each of the drawing's. */
export function rasterize(drawing: Drawing, scale: number): Pixels {
  const [width, height] = [drawing.width * scale, drawing.height * scale];
  const background = channelsOf(drawing.background);
  const data = new Uint8Array(3 * width * height);
  for (let at = 0; at < data.length; at++) data[at] = background[at % 3];
  const pixels = { width, height, data };
  const coverage = new Float32Array(width * height);
  for (const shape of drawing.shapes) {
    const strokes = strokesOf(shape).map((stroke) => scaled(stroke, scale));
    for (const stroke of strokes) cover(coverage, pixels, stroke);
    paint(pixels, coverage, strokes, channelsOf(shape.color));
  }
  return pixels;
}

function strokesOf(shape: Shape): Stroke[] {
  return shape.kind === 'line' ? [shape] : textStrokes(shape);
}

function textStrokes({
  at,
  text,
  size,
  anchor,
  isBold,
}: Extract<Shape, { kind: 'text' }>): Stroke[] {
  const unit = (0.7 * size) / capHeight;
  const glyphs = [...text].map(glyphOf);
  const length = unit * glyphs.reduce((sum, { width }) => sum + width, 0);
  const shares = { start: 0, middle: 0.5, end: 1 };
  let x = at[0] - shares[anchor] * length;
  return glyphs.flatMap(({ width, strokes }) => {
    const left = x;
    x += unit * width;
    return strokes.map((stroke) => ({
      points: stroke.map(([dx, dy]): Point => [left + unit * dx, at[1] - unit * dy]),
      width: size * (isBold ? 0.13 : 0.09),
    }));
  });
}

function scaled({ points, width }: Stroke, scale: number): Stroke {
  return {
    points: points.map(([x, y]): Point => [scale * x, scale * y]),
    width: scale * width,
  };
}

/** Where strokes of one shape overlap, the larger share counts: a shape is no darker there. */
function cover(coverage: Float32Array, pixels: Pixels, { points, width: thickness }: Stroke): void {
  for (const [at, to] of points.entries()) {
    const from = points[at - 1] ?? to;
    const { left, right, top, bottom } = boxOf({ points: [from, to], width: thickness }, pixels);
    for (let y = top; y <= bottom; y++) {
      for (let x = left; x <= right; x++) {
        const distance = distanceTo(x + 0.5, y + 0.5, from, to);
        const share = Math.min(1, Math.max(0, thickness / 2 + 0.5 - distance));
        const pixel = y * pixels.width + x;
        if (share > coverage[pixel]) coverage[pixel] = share;
      }
    }
  }
}

/** Pixels that a stroke can touch. */
function boxOf({ points, width: thickness }: Stroke, { width, height }: Pixels) {
  const reach = thickness / 2 + 1;
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  return {
    left: Math.max(0, Math.floor(Math.min(...xs) - reach)),
    right: Math.min(width - 1, Math.ceil(Math.max(...xs) + reach)),
    top: Math.max(0, Math.floor(Math.min(...ys) - reach)),
    bottom: Math.min(height - 1, Math.ceil(Math.max(...ys) + reach)),
  };
}

/** From a point to the nearest one between two others. */
function distanceTo(x: number, y: number, from: Point, to: Point): number {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const squared = dx * dx + dy * dy;
  const along = squared === 0 ? 0 : ((x - from[0]) * dx + (y - from[1]) * dy) / squared;
  const nearest = Math.min(1, Math.max(0, along));
  return Math.hypot(x - from[0] - nearest * dx, y - from[1] - nearest * dy);
}

/** Mixes the colour in, and leaves nothing covered. */
function paint(
  pixels: Pixels,
  coverage: Float32Array,
  strokes: readonly Stroke[],
  color: readonly number[],
): void {
  const { data } = pixels;
  for (const stroke of strokes) {
    const { left, right, top, bottom } = boxOf(stroke, pixels);
    for (let y = top; y <= bottom; y++) {
      for (let x = left; x <= right; x++) {
        const pixel = y * pixels.width + x;
        const share = coverage[pixel];
        if (share === 0) continue;
        coverage[pixel] = 0;
        for (let channel = 0; channel < 3; channel++) {
          const at = 3 * pixel + channel;
          data[at] = Math.round(data[at] + share * (color[channel] - data[at]));
        }
      }
    }
  }
}

function channelsOf(color: string): number[] {
  return [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16));
}
