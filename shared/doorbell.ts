// What is said of payloads in memory, to and by every worker once a step while somebody waits for it, in a few numbers: a
// doorbell, as devices have them. By then the processor's cache holds nothing but the payloads, and code that comes to it
// anew costs far more than what it does: so a doorbell takes little of it to be written and read.
//
//   0xc1, kind     2 bytes; the first is one that MessagePack never uses
//   numbers        float64, little-endian
//   text           UTF-16, little-endian: of gradients, their run
import type { PayloadPlace } from './memory-file.ts';
import type { PlacedMessage } from './memory-messages.ts';
import { type GradientMessage, type LeaseMessage, longestLabel, mostRuns } from './protocol.ts';

/** Weights in the coordinator's file, and what to compute with them. */
export interface WeightsDoorbell {
  readonly type: 'placed';
  readonly message: { readonly type: 'weights'; readonly version: number };
  readonly place: PayloadPlace;
  readonly next: LeaseMessage;
}

/** A gradient in a worker's file. */
export interface GradientDoorbell {
  readonly type: 'placed';
  readonly message: Omit<GradientMessage, 'payload'>;
  readonly place: PayloadPlace;
}

export type Doorbell = WeightsDoorbell | GradientDoorbell;

const firstByte = 0xc1;
const kinds = { weights: 1, gradient: 2 };
const headBytes = 2;
const numberBytes = Float64Array.BYTES_PER_ELEMENT;
const unitBytes = Uint16Array.BYTES_PER_ELEMENT;

/** Nothing else that is sent begins like one. */
export function isDoorbell(bytes: Uint8Array): boolean {
  return bytes[0] === firstByte;
}

/** Undefined for what is more than a doorbell says. */
export function encodeDoorbell(placed: PlacedMessage | Doorbell): Uint8Array | undefined {
  const doorbell = placed as GradientDoorbell | Partial<WeightsDoorbell>;
  if (isOfGradient(doorbell)) return ofGradient(doorbell);
  return doorbell.next?.type === 'lease' ? ofWeights(doorbell as WeightsDoorbell) : undefined;
}

/** As a message of the protocol would have to be; undefined for bytes that are none. */
export function decodeDoorbell(bytes: Uint8Array): Doorbell | undefined {
  if (!isDoorbell(bytes)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < headBytes + placeNumbers * numberBytes || !hasPlace(view)) return undefined;
  if (bytes[1] === kinds.gradient) return gradientIn(view);
  return bytes[1] === kinds.weights ? weightsIn(view) : undefined;
}

export function isOfGradient(doorbell: {
  readonly message?: { readonly type: string };
}): doorbell is GradientDoorbell {
  return doorbell.message?.type === 'gradient';
}

/** Of all doorbells, first. */
const placeNumbers = 3;

const gradientNumbers = 12;

function ofGradient({ message, place }: GradientDoorbell): Uint8Array {
  const { run, epoch, step, version, start, length } = message;
  const { samples, correct, lossSum, computeMs } = message;
  const { position, bytes, stamp } = place;
  const counts = [position, bytes, stamp, epoch, step, version, start, length, samples, correct];
  return bytesOf(kinds.gradient, [...counts, lossSum, computeMs], run);
}

function gradientIn(view: DataView): GradientDoorbell | undefined {
  const textStart = headBytes + gradientNumbers * numberBytes;
  const units = (view.byteLength - textStart) / unitBytes;
  if (!isCount(units) || units > longestLabel || !areCounts(view, placeNumbers, 10))
    return undefined;
  const computeMs = numberAt(view, 11);
  if (!Number.isFinite(computeMs)) return undefined;
  const message = {
    type: 'gradient' as const,
    run: textAt(view, textStart, units),
    epoch: numberAt(view, 3),
    step: numberAt(view, 4),
    version: numberAt(view, 5),
    start: numberAt(view, 6),
    length: numberAt(view, 7),
    samples: numberAt(view, 8),
    correct: numberAt(view, 9),
    lossSum: numberAt(view, 10),
    computeMs,
  };
  return { type: 'placed', message, place: placeIn(view) };
}

/** Without those of the runs. */
const weightsNumbers = 8;
const learningRateAt = 7;

/** No learning rate is NaN. */
const none = Number.NaN;

function ofWeights({ message, place, next }: WeightsDoorbell): Uint8Array {
  const { epoch, step, version, learningRate = none, runs } = next;
  const { position, bytes, stamp } = place;
  const numbers = [position, bytes, stamp, message.version, epoch, step, version, learningRate];
  for (const { start, length } of runs) numbers.push(start, length);
  return bytesOf(kinds.weights, numbers);
}

function weightsIn(view: DataView): WeightsDoorbell | undefined {
  const count = (view.byteLength - headBytes) / numberBytes;
  const runCount = (count - weightsNumbers) / 2;
  const isWhole = isCount(runCount) && runCount > 0 && runCount <= mostRuns;
  if (!isWhole || !areCounts(view, placeNumbers, learningRateAt)) return undefined;
  if (!areCounts(view, weightsNumbers, count)) return undefined;
  const learningRate = numberAt(view, learningRateAt);
  if (Math.abs(learningRate) === Number.POSITIVE_INFINITY) return undefined;
  const runs = Array.from({ length: runCount }, (_, run) => {
    const at = weightsNumbers + 2 * run;
    return { start: numberAt(view, at), length: numberAt(view, at + 1) };
  });
  const next = {
    type: 'lease' as const,
    epoch: numberAt(view, 4),
    step: numberAt(view, 5),
    version: numberAt(view, 6),
    runs,
    ...(!Number.isNaN(learningRate) && { learningRate }),
  };
  const message = { type: 'weights' as const, version: numberAt(view, 3) };
  return { type: 'placed', message, place: placeIn(view), next };
}

/** Nothing is at 0, and no payload came before the first. */
function hasPlace(view: DataView): boolean {
  const { position, stamp } = placeIn(view);
  return areCounts(view, 0, placeNumbers) && position > 0 && stamp > 0;
}

function placeIn(view: DataView): PayloadPlace {
  return { position: numberAt(view, 0), bytes: numberAt(view, 1), stamp: numberAt(view, 2) };
}

function bytesOf(kind: number, numbers: readonly number[], text = ''): Uint8Array {
  const textStart = headBytes + numbers.length * numberBytes;
  const bytes = new Uint8Array(textStart + text.length * unitBytes);
  const view = new DataView(bytes.buffer);
  bytes[0] = firstByte;
  bytes[1] = kind;
  for (let at = 0; at < numbers.length; at++) {
    view.setFloat64(headBytes + at * numberBytes, numbers[at], true);
  }
  for (let at = 0; at < text.length; at++) {
    view.setUint16(textStart + at * unitBytes, text.charCodeAt(at), true);
  }
  return bytes;
}

function numberAt(view: DataView, at: number): number {
  return view.getFloat64(headBytes + at * numberBytes, true);
}

function textAt(view: DataView, start: number, units: number): string {
  let text = '';
  for (let at = 0; at < units; at++) {
    text += String.fromCharCode(view.getUint16(start + at * unitBytes, true));
  }
  return text;
}

function areCounts(view: DataView, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (!isCount(numberAt(view, at))) return false;
  return true;
}

function isCount(number: number): boolean {
  return Number.isSafeInteger(number) && number >= 0;
}
