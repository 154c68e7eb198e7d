// Whom the benchmark of whole epochs measures: each side trains the reference network on this machine's data, and
// says after every epoch how long it took.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
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
  /** The second epoch of three: the first has compilers and caches to warm, and none may be on its way out. */
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
        const run = ['--json', '--epochs=3', `--batch-size=${batchSize}`, '--only-engine=onnx:cpu'];
        const words = [launcher, 'train', ...run, ...cluster, ...flags];
        return secondEpochOf(
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
        const options = [`--batch=${batchSize}`, '--epochs=3', `--processes=${processes}`];
        return secondEpochOf(python, [torchScript, ...options], temporaryFolder(t), () => true);
      }),
  };
}

/** The first Python here that has PyTorch. */
export function pythonWithTorch(): string | undefined {
  return ['python3', '/usr/bin/python3'].find((python) => {
    return spawnSync(python, ['-c', 'import torch, numpy']).status === 0;
  });
}

/** Whether it multiplies matrices with a library made for that. Where nothing tells of it, on other systems, it does. */
export function hasFastBlas(python: string): boolean {
  if (process.platform !== 'linux') return true;
  const script = 'import torch; print(torch.__config__.show(), open("/proc/self/maps").read())';
  const { stdout } = spawnSync(python, ['-c', script], { encoding: 'utf8', maxBuffer: 1 << 26 });
  return /BLAS_INFO=(?:mkl|open)|libopenblas|libmkl|libblis|libarmpl/.test(stdout);
}

interface EpochLine {
  readonly type?: string;
  readonly seconds: number;
  readonly samples?: number;
  readonly testAccuracy: number;
  readonly counters?: { readonly bytesIn: number; readonly bytesOut: number };
}

async function secondEpochOf(
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
    if (epochs.length === 2) child.kill();
  }
  await gone;
  const [first, second] = epochs;
  if (second === undefined) throw new Error(`${command} ${words.join(' ')} trained no two epochs`);
  const trafficOf = ({ counters }: EpochLine) =>
    counters ? counters.bytesIn + counters.bytesOut : 0;
  const bytes = trafficOf(second) - trafficOf(first);
  return {
    epochSeconds: second.seconds,
    cpuSeconds: second.cpuSeconds - first.cpuSeconds,
    peakBytes: second.peakBytes,
    testAccuracy: second.testAccuracy,
    ...(second.samples && { bytesPerSample: bytes / second.samples }),
  };
}
