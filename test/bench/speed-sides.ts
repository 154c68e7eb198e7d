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
  /** Of training alone. */
  readonly epochSeconds: number;
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
  /** Of epochs 2 to 4 of five: the first has compilers and caches to warm, and none may be on its way out. */
  measure(batchSize: number): Promise<Measurement>;
}

const workers = 2;
export const launcher = fileURLToPath(new URL('../../deploy/tutti.js', import.meta.url));
const torchScript = fileURLToPath(new URL('./torch-speed.py', import.meta.url));

export function tuttiSide(name: string, flags: readonly string[] = []): Side {
  return {
    name,
    measure: (batchSize) =>
      inScope((t) => {
        const cluster = [`--workers=${workers}`, `--expect-workers=${workers}`, '--port=0'];
        const run = ['--json', '--epochs=5', `--batch-size=${batchSize}`, '--only-engine=onnx:cpu'];
        const words = [launcher, 'train', ...run, ...cluster, ...flags];
        return mediansOf(
          process.execPath,
          words,
          temporaryFolder(t),
          ({ type }) => type === 'epoch',
        );
      }),
  };
}

export function torchSide(name: string, python: string, processes: number): Side {
  return {
    name,
    measure: (batchSize) =>
      inScope((t) => {
        const options = [`--batch=${batchSize}`, '--epochs=5', `--processes=${processes}`];
        return mediansOf(python, [torchScript, ...options], temporaryFolder(t), () => true);
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

/** Told of by their number, from 1. */
const measuredEpochs = [2, 3, 4];

async function mediansOf(
  command: string,
  words: readonly string[],
  cwd: string,
  isEpoch: (line: EpochLine) => boolean,
): Promise<Measurement> {
  const child = spawn(command, words, { cwd, stdio: ['ignore', 'pipe', 'ignore'] });
  const gone = once(child, 'exit');
  const epochs: (EpochLine & TreeUse)[] = [];
  for await (const text of createInterface(child.stdout)) {
    const line: EpochLine = JSON.parse(text);
    if (!isEpoch(line)) continue;
    epochs.push({ ...line, ...(await useOfTree(child.pid!)) });
    if (epochs.length === measuredEpochs.at(-1)) child.kill();
  }
  await gone;
  const last = epochs[measuredEpochs.at(-1)! - 1];
  if (last === undefined) throw new Error(`${command} ${words.join(' ')} trained too few epochs`);
  const trafficOf = ({ counters }: EpochLine) =>
    counters ? counters.bytesIn + counters.bytesOut : 0;
  const pairs = measuredEpochs.map((number) => [epochs[number - 2], epochs[number - 1]] as const);
  const bytes = median(pairs.map(([before, after]) => trafficOf(after) - trafficOf(before)));
  return {
    epochSeconds: median(pairs.map(([, { seconds }]) => seconds)),
    cpuSeconds: median(pairs.map(([before, after]) => after.cpuSeconds - before.cpuSeconds)),
    peakBytes: last.peakBytes,
    testAccuracy: last.testAccuracy,
    ...(last.samples && { bytesPerSample: bytes / last.samples }),
  };
}
