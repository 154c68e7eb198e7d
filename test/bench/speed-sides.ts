// Whom the benchmark of whole epochs measures: each side trains the reference network on this machine's data, and
// says after every epoch how long it took.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { median } from '../median.ts';
import { inScope, temporaryFolder } from '../support.ts';
import { type TreeUse, useOfTree } from './process-tree.ts';
import { type EpochLine, epochsOf, type TrainingCommand } from './told-epochs.ts';

export interface Measurement {
  /** Of training alone. Where images are evaluated meanwhile, that is part of it. */
  readonly epochSeconds: number;
  /** From one evaluated epoch to the next. */
  readonly evaluatedSeconds: number;
  /** Of all processes, the evaluation included. */
  readonly cpuSeconds: number;
  /** Of the largest process. */
  readonly peakBytes: number;
  readonly testAccuracy: number;
  /** In and out of the coordinator, where there is one. */
  readonly bytesPerSample?: number;
}

export interface Side {
  readonly name: string;
  /** Of all epochs but two: the first has compilers and caches to warm, and none may be on its way out. */
  measure(batchSize: number, epochs: number): Promise<Measurement>;
}

const workers = 2;
export const launcher = fileURLToPath(new URL('../../deploy/tutti.js', import.meta.url));
const torchScript = fileURLToPath(new URL('./torch-speed.py', import.meta.url));

export function tuttiSide(name: string, flags: readonly string[] = []): Side {
  return {
    name,
    measure: (batchSize, count) =>
      mediansOf(tuttiCommand([`--epochs=${count}`, `--batch-size=${batchSize}`, ...flags]), count),
  };
}

export function tuttiCommand(flags: readonly string[]): TrainingCommand {
  const cluster = [`--workers=${workers}`, `--expect-workers=${workers}`, '--port=0'];
  const words = [
    launcher,
    'train',
    '--json',
    '--exit',
    '--only-engine=onnx:cpu',
    ...cluster,
    ...flags,
  ];
  return { command: process.execPath, words, type: 'epoch' };
}

export function torchSide(name: string, python: string, processes: number): Side {
  return {
    name,
    measure: (batchSize, count) => {
      const options = [`--batch=${batchSize}`, `--epochs=${count}`, `--processes=${processes}`];
      return mediansOf(torchCommand(python, options), count);
    },
  };
}

export function torchCommand(python: string, options: readonly string[]): TrainingCommand {
  return { command: python, words: [torchScript, ...options] };
}

/** The first Python here that has PyTorch. */
export function pythonWithTorch(): string | undefined {
  return ['python3', '/usr/bin/python3'].find((python) => {
    return spawnSync(python, ['-c', 'import torch, numpy']).status === 0;
  });
}

/**
 * What keeps its matrix products from being as fast as they could be, and the mend; undefined when nothing does, or where
 * nothing tells of it, on other systems.
 */
export function blasFault(python: string): string | undefined {
  if (process.platform !== 'linux') return undefined;
  const script = 'import torch; print(torch.__config__.show(), open("/proc/self/maps").read())';
  const env = { ...process.env, OPENBLAS_VERBOSE: '2' };
  const options = { env, encoding: 'utf8', maxBuffer: 1 << 26 } as const;
  const { stdout, stderr } = spawnSync(python, ['-c', script], options);
  if (!/BLAS_INFO=(?:mkl|open)|libopenblas|libmkl|libblis|libarmpl/.test(stdout)) {
    return 'the plain reference BLAS (Debian: apt-get install libopenblas0-pthread)';
  }
  // The oldest of all that it has kernels for: it takes these where it does not know a processor.
  if (/Core: Prescott/.test(stderr)) {
    return 'an OpenBLAS that does not know this processor (set OPENBLAS_CORETYPE=SKYLAKEX, or HASWELL without AVX-512)';
  }
  return undefined;
}

type Epoch = EpochLine & TreeUse & { readonly toldAt: number };

function mediansOf(training: TrainingCommand, count: number): Promise<Measurement> {
  return inScope(async (t) => {
    const epochs: Epoch[] = [];
    for await (const { epoch, pid } of epochsOf(training, temporaryFolder(t))) {
      const toldAt = performance.now();
      epochs.push({ ...epoch, toldAt, ...(await useOfTree(pid)) });
      if (epochs.length === count - 1) return measurementOf(epochs, count);
    }
    const { command, words } = training;
    throw new Error(`${command} ${words.join(' ')} trained too few epochs`);
  });
}

/** Of all but the last of `count` epochs. */
function measurementOf(epochs: readonly Epoch[], count: number): Measurement {
  const last = epochs[count - 2];
  const measured = epochs.slice(1, count - 1);
  const medianOf = (select: (epoch: Epoch, before: Epoch) => number): number =>
    median(measured.map((epoch, at) => select(epoch, epochs[at])));
  const trafficOf = ({ counters }: EpochLine) =>
    counters ? counters.bytesIn + counters.bytesOut : 0;
  const bytes = medianOf((epoch, before) => trafficOf(epoch) - trafficOf(before));
  return {
    epochSeconds: medianOf(({ seconds }) => seconds),
    evaluatedSeconds: medianOf(({ toldAt }, before) => (toldAt - before.toldAt) / 1000),
    cpuSeconds: medianOf(({ cpuSeconds }, before) => cpuSeconds - before.cpuSeconds),
    peakBytes: last.peakBytes,
    testAccuracy: last.testAccuracy,
    ...(last.samples && { bytesPerSample: bytes / last.samples }),
  };
}
