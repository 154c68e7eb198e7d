// Coordinate by coordinate, in ascending order of the shards' values.

/** `values` is used again for the next coordinate. */
export function eachSorted(
  vectors: readonly Float32Array[],
  visit: (values: Float64Array, at: number) => void,
): void {
  const values = new Float64Array(vectors.length);
  for (let at = 0; at < vectors[0].length; at++) {
    // By insertion: a step has few shards, and the sort of typed arrays takes ten times as long for so few.
    for (let count = 0; count < vectors.length; count++) {
      const value = vectors[count][at];
      let rank = count;
      for (; rank > 0 && values[rank - 1] > value; rank--) values[rank] = values[rank - 1];
      values[rank] = value;
    }
    visit(values, at);
  }
}

/** Of plain numbers; of an even number of them, the mean of the two in the middle. */
export function medianOf(numbers: readonly number[]): number {
  const sorted = Float64Array.from(numbers).sort();
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}
