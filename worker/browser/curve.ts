// The run's training loss over its steps, thin enough to be drawn again and again.
import type { RunEvent } from '../../shared/events.ts';

export interface CurvePoint {
  /** Committed steps of the run. */
  readonly version: number;
  readonly loss: number;
}

/** Of more points than this every second one goes. */
const maxPoints = 400;

export function extendCurve(curve: readonly CurvePoint[], event: RunEvent): readonly CurvePoint[] {
  switch (event.type) {
    case 'run':
      // A coordinator that goes on from a checkpoint does what came after once more.
      return curve.filter(({ version }) => version <= event.fromVersion);
    case 'step':
      return append(curve, { version: event.version, loss: event.loss });
    case 'epoch':
      // For those who come late: of what was before them only the epochs are told.
      return append(curve, { version: event.version, loss: event.trainLoss });
    default:
      return curve;
  }
}

function append(curve: readonly CurvePoint[], point: CurvePoint): readonly CurvePoint[] {
  const last = curve.at(-1);
  if (last !== undefined && last.version >= point.version) return curve;
  const longer = [...curve, point];
  if (longer.length <= maxPoints) return longer;
  // Counted from the end: the last one stays.
  return longer.filter((_, at) => (longer.length - at) % 2 === 1);
}
