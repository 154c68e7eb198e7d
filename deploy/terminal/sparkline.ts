// A curve in one line of a terminal.

const bars = '▁▂▃▄▅▆▇█';

/** Exactly `width` columns, or fewer where there are fewer values; each shows the mean of its share of them. */
export function sparkline(values: readonly number[], width: number): string {
  const means = resample(values.filter(Number.isFinite), width);
  const [low, high] = [Math.min(...means), Math.max(...means)];
  return means
    .map((mean) => {
      const height = high > low ? (mean - low) / (high - low) : 0;
      return bars[Math.min(bars.length - 1, Math.floor(height * bars.length))];
    })
    .join('');
}

function resample(values: readonly number[], width: number): number[] {
  const count = Math.max(0, Math.min(width, values.length));
  return Array.from({ length: count }, (_, at) => {
    const share = values.slice(
      Math.floor((at * values.length) / count),
      Math.floor(((at + 1) * values.length) / count),
    );
    return share.reduce((sum, value) => sum + value, 0) / share.length;
  });
}
