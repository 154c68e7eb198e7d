// A drawing as SVG, for browsers and papers.
import type { Drawing, Shape } from './drawing.ts';

export function svgOf({ width, height, background, shapes, title }: Drawing): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
      'font-family="system-ui, Helvetica, Arial, sans-serif" role="img">',
    `<title>${escapeText(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="${background}"/>`,
    ...shapes.map(elementOf),
    '</svg>\n',
  ].join('\n');
}

function elementOf(shape: Shape): string {
  switch (shape.kind) {
    case 'line': {
      const { points, color, width } = shape;
      const list = points.map(([x, y]) => `${round(x)},${round(y)}`).join(' ');
      return (
        `<polyline points="${list}" fill="none" stroke="${color}" stroke-width="${width}" ` +
        'stroke-linecap="round" stroke-linejoin="round"/>'
      );
    }
    case 'text': {
      const { at, text, size, anchor, color, isBold } = shape;
      const weight = isBold ? ' font-weight="600"' : '';
      return (
        `<text x="${round(at[0])}" y="${round(at[1])}" font-size="${size}"${weight} ` +
        `text-anchor="${anchor}" fill="${color}">${escapeText(text)}</text>`
      );
    }
    default:
      return shape satisfies never;
  }
}

/** A hundredth of a pixel is not seen. */
function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
