/** A table as text: columns as wide as their widest cell. */
export function aligned(lines: readonly (readonly string[])[]): string {
  const widths = lines[0].map((_, column) => {
    return Math.max(...lines.map((cells) => cells.at(column)?.length ?? 0));
  });
  return lines
    .map((cells) =>
      cells
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
