// Round numbers for the scale of an axis.

/** Steps of 1, 2 or 5 times a power of ten, at most `most` of them, from below `min` to above `max`. */
export function ticksOf(min: number, max: number, most: number): number[] {
  const span = max > min ? max - min : Math.abs(max) || 1;
  const power = 10 ** Math.floor(Math.log10(span / most));
  const step = power * ([1, 2, 5].find((factor) => factor * power * most >= span) ?? 10);
  const first = Math.floor(min / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(max / step - 1e-9));
  return Array.from({ length: last - first + 1 }, (_, at) => (first + at) * step);
}
