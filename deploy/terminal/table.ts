// Rows under headings, each column as wide as it must be.
import { widthOf } from './format.ts';
import type { Style } from './style.ts';

/** Headings of columns; those of numbers, which stand right, begin with a `>`. */
export function tableLines(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  style: Style,
): string[] {
  const titles = headings.map((heading) => heading.replace(/^>/, ''));
  const widths = titles.map((title, at) => {
    return Math.max(widthOf(title), ...rows.map((row) => widthOf(row[at])));
  });
  const line = (cells: readonly string[]): string => {
    const padded = cells.map((cell, at) => pad(cell, widths[at], headings[at].startsWith('>')));
    return padded.join('  ').trimEnd();
  };
  return [style.dim(line(titles)), ...rows.map(line)];
}

function pad(cell: string, width: number, isRight: boolean): string {
  const space = ' '.repeat(Math.max(0, width - widthOf(cell)));
  return isRight ? space + cell : cell + space;
}
