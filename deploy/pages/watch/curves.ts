// The points of the curves, in columns as the charts take them, and what happened beside them.
import type { RunEvent } from '../../../shared/events.ts';

export interface Points {
  /** Committed steps. */
  readonly versions: number[];
  /** Seconds since 1970. */
  readonly times: number[];
  readonly losses: number[];
  readonly accuracies: number[];
}

export interface Mark {
  readonly kind: 'joined' | 'left' | 'expelled' | 'checkpoint' | 'rate';
  readonly version: number;
  readonly time: number;
}

/** As many as a browser still draws 60 times a second. */
const maxPoints = 12_000;
/** Of a run beside others: as many as a chart has pixels. */
export const mostPointsBeside = 1500;
const maxMarks = 2000;

export class Curves {
  /** A step each. */
  readonly train: Points = emptyPoints();
  /** An epoch each. */
  readonly test: Points = emptyPoints();
  marks: Mark[] = [];
  /** When the run began, in seconds since 1970. */
  startedAt = 0;
  stepsPerEpoch = 1;
  #version = 0;
  readonly #maxPoints: number;

  constructor(mostPoints = maxPoints) {
    this.#maxPoints = mostPoints;
  }

  add(event: RunEvent): void {
    const time = Date.parse(event.time) / 1000;
    switch (event.type) {
      case 'run':
        if (event.fromVersion === 0 || this.startedAt === 0) this.startedAt = time;
        this.stepsPerEpoch = event.stepsPerEpoch;
        return this.#startAgain(event.fromVersion);
      case 'step':
        this.#version = event.version;
        addPoint(this.train, event.version, time, event.loss, event.accuracy);
        return thin(this.train, this.#maxPoints);
      case 'epoch':
        return addPoint(this.test, event.version, time, event.testLoss, event.testAccuracy);
      case 'worker':
        if (event.action === 'joined' || event.action === 'left' || event.action === 'expelled') {
          this.#mark(event.action, this.#version, time);
        }
        return;
      case 'checkpoint':
        if (event.error === undefined) this.#mark('checkpoint', event.version, time);
        return;
      case 'control':
        if (event.kind === 'rate') this.#mark('rate', event.fromVersion, time);
        return;
      default:
    }
  }

  /** What the run lost is undone. */
  #startAgain(version: number): void {
    this.#version = version;
    for (const points of [this.train, this.test])
      keep(points, (at) => points.versions[at] <= version);
    // A rate that was set will be used again from its step on.
    this.marks = this.marks.filter((mark) => mark.kind === 'rate' || mark.version <= version);
  }

  #mark(kind: Mark['kind'], version: number, time: number): void {
    this.marks.push({ kind, version, time });
    if (this.marks.length > maxMarks) this.marks.shift();
  }
}

function emptyPoints(): Points {
  return { versions: [], times: [], losses: [], accuracies: [] };
}

function addPoint(
  points: Points,
  version: number,
  time: number,
  loss: number,
  accuracy: number,
): void {
  points.versions.push(version);
  points.times.push(time);
  points.losses.push(loss);
  points.accuracies.push(accuracy);
}

function thin(points: Points, mostPoints: number): void {
  if (points.versions.length > mostPoints) keep(points, (at) => at % 2 === 0);
}

function keep(points: Points, isKept: (at: number) => boolean): void {
  for (const column of Object.values(points)) {
    const kept = column.filter((_: number, at: number) => isKept(at));
    column.splice(0, column.length, ...kept);
  }
}
