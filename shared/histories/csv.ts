// Two tables for spreadsheets and data frames: RFC 4180, but for the ends of lines, which are those of Unix.
import type { HistoryFormat, RunHistory } from '../contracts.ts';
import { utf8Bytes } from '../utf8.ts';

type Cell = number | string;

export const csv = {
  title: 'tables of steps and epochs',
  suffix: '-csv',
  encode: (history: RunHistory): ReadonlyMap<string, Uint8Array> =>
    new Map([
      ['steps.csv', table(stepRows(history))],
      ['epochs.csv', table(epochRows(history))],
    ]),
} satisfies HistoryFormat;

/** `step` counts the committed ones of the run, `epoch` from 1. */
function stepRows({ steps }: RunHistory): Readonly<Record<string, Cell>>[] {
  return steps.map(({ version, epoch, samples, lossSum, correct, learningRate }) => ({
    step: version,
    epoch: epoch + 1,
    train_loss: lossSum / samples,
    train_accuracy: correct / samples,
    learning_rate: learningRate,
    samples,
  }));
}

function epochRows({ events }: RunHistory): Readonly<Record<string, Cell>>[] {
  return events
    .filter((event) => event.type === 'epoch')
    .map((event) => ({
      epoch: event.epoch,
      step: event.version,
      train_loss: event.trainLoss,
      train_accuracy: event.trainAccuracy,
      test_loss: event.testLoss,
      test_accuracy: event.testAccuracy,
      seconds: event.seconds,
      samples_per_second: event.samplesPerSecond,
      workers: event.workers,
      weights_sha256: event.weightsHash,
      time: event.time,
    }));
}

/** Numbers, dates and hashes: none of them needs quotes. */
function table(rows: readonly Readonly<Record<string, Cell>>[]): Uint8Array {
  const names = Object.keys(rows[0] ?? {});
  const lines = rows.map((row) => names.map((name) => row[name]).join(','));
  return utf8Bytes([names.join(','), ...lines].map((line) => `${line}\n`).join(''));
}
