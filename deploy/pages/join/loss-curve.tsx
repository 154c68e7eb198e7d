// The run's training loss as a line, drawn anew with each point.
import type { CurvePoint } from '../../../worker/browser/curve.ts';

const width = 600;
const height = 200;
/** Room for half the line's own thickness. */
const margin = 4;

export function LossCurve({ curve }: { readonly curve: readonly CurvePoint[] }) {
  if (curve.length < 2) return <p class="curve-empty">The loss is drawn here once it is known.</p>;
  const [first, last] = [curve[0], curve[curve.length - 1]];
  const top = Math.max(...curve.map(({ loss }) => loss));
  const x = (version: number) =>
    margin + ((width - 2 * margin) * (version - first.version)) / (last.version - first.version);
  const y = (loss: number) => height - margin - ((height - 2 * margin) * loss) / top;
  const line = smoothed(curve).map(({ version, loss }) => {
    return `${x(version).toFixed(1)},${y(loss).toFixed(1)}`;
  });
  const label = `Training loss: ${first.loss.toFixed(2)} at first, ${last.loss.toFixed(2)} now`;
  return (
    <svg
      class="curve"
      viewBox={`0 0 ${width} ${height}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <polygon points={[`${margin},${height}`, ...line, `${width - margin},${height}`].join(' ')} />
      <polyline points={line.join(' ')} vector-effect="non-scaling-stroke" />
    </svg>
  );
}

/** A batch is a small sample: the trend is seen through a moving mean. */
function smoothed(curve: readonly CurvePoint[]): readonly CurvePoint[] {
  const weight = 0.3;
  let mean = curve[0].loss;
  return curve.map(({ version, loss }) => {
    mean += weight * (loss - mean);
    return { version, loss: mean };
  });
}
