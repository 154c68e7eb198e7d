// Whole epochs side by side: every side in turn, several times over, so that what else the machine does falls on all.
import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { aligned } from '../aligned.ts';
import { median } from '../median.ts';
import { keepsTo, type SpeedResult } from './baseline.ts';
import {
  blasFault,
  type Measurement,
  pythonWithTorch,
  type Side,
  torchSide,
  tuttiSide,
} from './speed-sides.ts';

export interface SpeedOptions {
  readonly batchSizes: readonly number[];
  readonly rounds: number;
  /** Of each run; the first and the last are not measured. */
  readonly epochs: number;
  /** Names of sides; all unless told. */
  readonly only?: readonly string[];
  /** Where to leave all figures as JSON. */
  readonly file?: string;
  /** Such a file of an earlier day: the exit status is 1 when a side is slower than it was. */
  readonly baseline?: string;
}

const yardstick = 'PyTorch DDP';

interface Result extends SpeedResult {
  readonly measurements: Measurement[];
}

/** Prints a table a batch size; times are medians, ratios medians of the ratios of each round. */
export async function measureSpeed({
  batchSizes,
  rounds,
  epochs,
  only,
  file,
  baseline,
}: SpeedOptions): Promise<void> {
  const all = sidesHere();
  const sides = only ? only.map((name) => sideCalled(name, all)) : all;
  const results: Result[] = [];
  for (const batchSize of batchSizes) {
    const ofBatch = sides.map(({ name }) => ({ side: name, batchSize, measurements: [] }));
    for (let round = 0; round < rounds; round++) {
      for (const [at, side] of sides.entries()) {
        const measured: Measurement[] = ofBatch[at].measurements;
        measured.push(await side.measure(batchSize, epochs));
      }
    }
    console.log(
      `batch ${batchSize}, 2 workers, epochs 2 to ${epochs - 1}, ${rounds} rounds\n${tableOf(ofBatch)}\n`,
    );
    results.push(...ofBatch);
  }
  if (baseline !== undefined && !(await keepsTo(baseline, results))) process.exitCode = 1;
  if (file === undefined) return;
  const [{ model }] = cpus();
  const machine = { processor: model, cores: cpus().length, node: process.version };
  await writeFile(file, `${JSON.stringify({ machine, results }, null, 2)}\n`);
}

function sidesHere(): Side[] {
  const ours = [
    tuttiSide('tutti float32'),
    // As the others' training time: one batch of test images an epoch is next to nothing.
    tuttiSide('tutti float32, training alone', ['--test-samples=128']),
    tuttiSide('tutti float32, sockets', ['--no-shared-memory']),
    tuttiSide('tutti bfloat16', ['--codec=bfloat16', '--weights-codec=bfloat16']),
    tuttiSide('tutti bfloat16 gradients', ['--codec=bfloat16']),
    tuttiSide('tutti bfloat16 weights', ['--weights-codec=bfloat16']),
    tuttiSide('tutti bfloat16, sockets', [
      '--codec=bfloat16',
      '--weights-codec=bfloat16',
      '--no-shared-memory',
    ]),
    tuttiSide('tutti float16', ['--codec=float16', '--weights-codec=float16']),
    tuttiSide('tutti int8', ['--codec=int8', '--weights-codec=float16']),
    tuttiSide('tutti, 32 local steps', ['--sync=local', '--local-steps=32']),
  ];
  const python = pythonWithTorch();
  if (python === undefined) {
    console.log('PyTorch is not here (Debian: apt-get install python3-torch): tutti alone.\n');
    return ours;
  }
  const fault = blasFault(python);
  if (fault !== undefined) {
    console.log(`PyTorch here has ${fault}: its sides take far longer than they could.\n`);
  }
  return [...ours, torchSide(yardstick, python, 2), torchSide('PyTorch, one process', python, 1)];
}

function sideCalled(wanted: string, sides: readonly Side[]): Side {
  const side = sides.find(({ name }) => name === wanted);
  if (side !== undefined) return side;
  const names = sides.map(({ name }) => name).join('; ');
  throw new Error(`there is no side "${wanted}" here; there are: ${names}`);
}

function tableOf(results: readonly Result[]): string {
  const ddp = results.find(({ side }) => side === yardstick)?.measurements;
  const head = [
    '',
    'epoch s',
    'spread',
    'over DDP',
    'evaluated s',
    'over DDP',
    'CPU s',
    'peak MB',
    'bytes/sample',
    'accuracy',
  ];
  const lines = results.map(({ side, measurements }) => {
    const all = (select: (measurement: Measurement) => number) => measurements.map(select);
    const seconds = all(({ epochSeconds }) => epochSeconds);
    const ratioOver = (select: (measurement: Measurement) => number): string => {
      if (ddp === undefined) return '';
      return median(all(select).map((each, round) => each / select(ddp[round]))).toFixed(2);
    };
    return [
      side,
      median(seconds).toFixed(2),
      `${Math.min(...seconds).toFixed(2)}-${Math.max(...seconds).toFixed(2)}`,
      ratioOver(({ epochSeconds }) => epochSeconds),
      median(all(({ evaluatedSeconds }) => evaluatedSeconds)).toFixed(2),
      ratioOver(({ evaluatedSeconds }) => evaluatedSeconds),
      median(all(({ cpuSeconds }) => cpuSeconds)).toFixed(1),
      (median(all(({ peakBytes }) => peakBytes)) / 1e6).toFixed(0),
      Math.round(median(all(({ bytesPerSample = 0 }) => bytesPerSample))).toLocaleString('en-US'),
      `${(100 * median(all(({ testAccuracy }) => testAccuracy))).toFixed(2)} %`,
    ];
  });
  return aligned([head, ...lines]);
}
