// Whom the benchmark of whole epochs measures: each side trains the reference network on this machine's data, and
// says after every epoch how long it took.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { median } from '../median.ts';
import { inScope, temporaryFolder } from '../support.ts';
import { type TreeUse, useOfTree } from './process-tree.ts';

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
      inScope((t) => {
        const cluster = [`--workers=${workers}`, `--expect-workers=${workers}`, '--port=0'];
        const run = ['--json', `--epochs=${count}`, `--batch-size=${batchSize}`];
        const words = [launcher, 'train', ...run, '--only-engine=onnx:cpu', ...cluster, ...flags];
        const isEpoch = ({ type }: EpochLine) => type === 'epoch';
        return mediansOf(process.execPath, words, { cwd: temporaryFolder(t), count, isEpoch });
      }),
  };
}

export function torchSide(name: string, python: string, processes: number): Side {
  return {
    name,
    measure: (batchSize, count) =>
      inScope((t) => {
        const options = [`--batch=${batchSize}`, `--epochs=${count}`, `--processes=${processes}`];
        const job = { cwd: temporaryFolder(t), count, isEpoch: () => true };
        return mediansOf(python, [torchScript, ...options], job);
      }),
  };
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

interface EpochLine {
  readonly type?: string;
  readonly seconds: number;
  readonly samples?: number;
  readonly testAccuracy: number;
  readonly counters?: { readonly bytesIn: number; readonly bytesOut: number };
}

interface Job {
  readonly cwd: string;
  /** Of epochs. */
  readonly count: number;
  readonly isEpoch: (line: EpochLine) => boolean;
}

type Epoch = EpochLine & TreeUse & { readonly toldAt: number };

async function mediansOf(
  command: string,
  words: readonly string[],
  { cwd, count, isEpoch }: Job,
): Promise<Measurement> {
  const child = spawn(command, words, { cwd, stdio: ['ignore', 'pipe', 'ignore'] });
  const gone = once(child, 'exit');
  const epochs: Epoch[] = [];
  for await (const text of createInterface(child.stdout)) {
    const line: EpochLine = JSON.parse(text);
    if (!isEpoch(line)) continue;
    const toldAt = performance.now();
    epochs.push({ ...line, toldAt, ...(await useOfTree(child.pid!)) });
    if (epochs.length === count - 1) child.kill();
  }
  await gone;
  const last = epochs[count - 2];
  if (last === undefined) throw new Error(`${command} ${words.join(' ')} trained too few epochs`);
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
