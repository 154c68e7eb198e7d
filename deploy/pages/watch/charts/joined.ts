// The points of several runs in one table.

/** The first column rises and is the others' x. */
export type Table = [xs: number[], ...ys: (number | undefined)[][]];

/** One for all, whose cells are empty where a curve has no point: as uPlot.join, without sorting and looking up. */
export function joined(tables: readonly Table[]): Table {
  const most = tables.reduce((sum, [xs]) => sum + xs.length, 0);
  const emptyColumn = () => new Array<number | undefined>(most).fill(undefined);
  const sides = tables.map(([xs, ...ys]) => ({
    xs,
    pairs: ys.map((from) => ({ from, to: emptyColumn() })),
    /** Of its first point that is not in the table yet. */
    next: 0,
  }));
  const all: number[] = [];
  for (;;) {
    let x = Number.POSITIVE_INFINITY;
    for (const { xs, next } of sides) if (next < xs.length && xs[next] < x) x = xs[next];
    if (x === Number.POSITIVE_INFINITY) break;
    for (const side of sides) {
      if (side.xs[side.next] !== x) continue;
      for (const { from, to } of side.pairs) to[all.length] = from[side.next];
      side.next++;
    }
    all.push(x);
  }
  const columns = sides.flatMap(({ pairs }) => pairs.map(({ to }) => to));
  for (const column of columns) column.length = all.length;
  return [all, ...columns];
}
