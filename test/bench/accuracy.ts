// Whole runs for several codecs and seeds: what a codec costs in accuracy, and spares in bytes.
import { writeFile } from 'node:fs/promises';
import type { RunEventOf } from '../../shared/events.ts';
import { aligned } from '../aligned.ts';
import { inScope, temporaryFolder } from '../support.ts';
import { launcher } from './speed-sides.ts';
import { epochsOf } from './told-epochs.ts';

export interface AccuracyOptions {
  /** `GRADIENTS/WEIGHTS` each, or one name for both; topk with its part: `topk:0.01/bfloat16`. */
  readonly wires: readonly string[];
  readonly seeds: readonly number[];
  readonly epochs: number;
  /** The result of most codecs does not depend on it. */
  readonly workers: number;
  /** More of the command's: `--sync=local`. */
  readonly flags: readonly string[];
  /** Where to leave all figures as JSON. */
  readonly file?: string;
}

interface Trained {
  readonly wire: string;
  readonly seed: number;
  readonly epochs: readonly RunEventOf<'epoch'>[];
}

/** Prints a table: test accuracies and train losses after the last epoch, with the extremes among the seeds. */
export async function measureAccuracy(options: AccuracyOptions): Promise<void> {
  const { wires, seeds, epochs, file } = options;
  const runs: Trained[] = [];
  for (const seed of seeds) {
    for (const wire of wires) {
      const trained = await train(wire, seed, options);
      runs.push({ wire, seed, epochs: trained });
      // There is a long way to the table.
      console.log(`${wire}, seed ${seed}: ${(100 * trained.at(-1)!.testAccuracy).toFixed(2)} %`);
    }
  }
  console.log(`${epochs} epochs, seeds ${seeds.join(', ')}\n${tableOf(wires, runs)}`);
  if (file === undefined) return;
  const figures = runs.map((run) => ({ ...run, epochs: run.epochs.map(figuresOf) }));
  await writeFile(file, `${JSON.stringify(figures, null, 2)}\n`);
}

function train(wire: string, seed: number, options: AccuracyOptions): Promise<Trained['epochs']> {
  const { epochs, workers, flags } = options;
  // Bytes past the sockets are not counted.
  const place = ['--port=0', '--no-shared-memory', '--only-engine=onnx:cpu'];
  const run = ['--json', '--exit', ...place, `--epochs=${epochs}`];
  const words = [...run, `--seed=${seed}`, `--workers=${workers}`, ...wireFlags(wire), ...flags];
  const command = process.execPath;
  const training = { command, words: [launcher, 'train', ...words], type: 'epoch' };
  return inScope(async (t) => {
    const trained: RunEventOf<'epoch'>[] = [];
    const told = epochsOf<RunEventOf<'epoch'>>(training, temporaryFolder(t));
    for await (const { epoch } of told) trained.push(epoch);
    if (trained.length === epochs) return trained;
    throw new Error(`tutti train ${words.join(' ')} trained ${trained.length} epochs`);
  });
}

function wireFlags(wire: string): string[] {
  const [gradients, weights = gradients] = wire.split('/');
  const [codec, part] = gradients.split(':');
  const topK = part === undefined ? [] : [`--top-k=${part}`];
  return [`--codec=${codec}`, ...topK, `--weights-codec=${weights}`];
}

function figuresOf({ trainLoss, trainAccuracy, testLoss, testAccuracy, seconds }: EpochFigures) {
  return { trainLoss, trainAccuracy, testLoss, testAccuracy, seconds };
}

type EpochFigures = Pick<
  RunEventOf<'epoch'>,
  'trainLoss' | 'trainAccuracy' | 'testLoss' | 'testAccuracy' | 'seconds'
>;

function tableOf(wires: readonly string[], runs: readonly Trained[]): string {
  const head = [
    'wire',
    'accuracy %',
    'lowest',
    'highest',
    'best epoch',
    'train loss',
    'bytes/sample',
  ];
  const lines = wires.map((wire) => {
    const own = runs.filter((run) => run.wire === wire).map(({ epochs }) => epochs);
    const last = own.map((epochs) => epochs.at(-1)!);
    const accuracies = last.map(({ testAccuracy }) => 100 * testAccuracy);
    const best = own.map((epochs) => {
      return 100 * Math.max(...epochs.map(({ testAccuracy }) => testAccuracy));
    });
    const bytes = last.map(({ counters: { bytesIn, bytesOut, samplesCommitted } }) => {
      return (bytesIn + bytesOut) / samplesCommitted;
    });
    return [
      wire,
      mean(accuracies).toFixed(2),
      Math.min(...accuracies).toFixed(2),
      Math.max(...accuracies).toFixed(2),
      mean(best).toFixed(2),
      mean(last.map(({ trainLoss }) => trainLoss)).toFixed(4),
      Math.round(mean(bytes)).toLocaleString('en-US'),
    ];
  });
  return aligned([head, ...lines]);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, each) => sum + each, 0) / values.length;
}
