// What one step costs in processor time, apart for the coordinator and each worker: the clock says little on a machine
// that others use, too. Linux only.
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { RunEventOf } from '../../shared/events.ts';
import { aligned } from '../aligned.ts';
import { useOf } from '../chaos/process-use.ts';
import { inScope, startTutti, type TestScope, type Tutti, temporaryFolder } from '../support.ts';
import { phases, phasesOf } from './profile-phases.ts';

export interface StepCostOptions {
  readonly steps: number;
  readonly workers: number;
  readonly batchSize: number;
  /** More of the coordinator's: `--codec=bfloat16`. */
  readonly flags: readonly string[];
  /** Where each process leaves a profile that Chrome's developer tools open. */
  readonly profileDirectory?: string;
}

/** Until engines, sockets and compiled code are as they stay. */
const warmUpSteps = 150;

/** Prints a table. */
export async function measureStepCost(options: StepCostOptions): Promise<void> {
  await inScope(async (t) => {
    const processes = await startRun(t, options);
    const [[, coordinator]] = processes;
    const reached = (version: number) =>
      coordinator.waitForEvent('step', (event) => event.version >= version);
    const first = await reached(warmUpSteps);
    const before = await snapshotsOf(processes);
    const last = await reached(first.version + options.steps);
    const after = await snapshotsOf(processes);
    console.log(tableOf(before, after, first, last));
    if (options.profileDirectory === undefined) return;
    for (const [, tutti] of processes.toReversed()) {
      tutti.kill('SIGTERM');
      await tutti.exit;
    }
    console.log(await splitOf(processes, options.profileDirectory, last.version));
  });
}

type Processes = [name: string, tutti: Tutti][];

/** A coordinator, first, and its workers, of the reference network. */
export async function startRun(
  t: TestScope,
  { workers, batchSize, flags: more, profileDirectory }: Omit<StepCostOptions, 'steps'>,
): Promise<Processes> {
  const cwd = temporaryFolder(t);
  const cut = [`--batch-size=${batchSize}`, `--expect-workers=${workers}`];
  const flags = [...cut, '--test-samples=500', ...more];
  const start = async (name: string, words: string[]): Promise<Tutti> =>
    startTutti(t, words, { cwd, nodeFlags: await profileFlags(name, profileDirectory) });
  const coordinator = await start('coordinator', ['coordinator', '--json', '--port=0', ...flags]);
  const { url } = await coordinator.waitForEvent('run');
  const processes: Processes = [['coordinator', coordinator]];
  for (let number = 1; number <= workers; number++) {
    const name = `worker-${number}`;
    processes.push([name, await start(name, ['worker', url, '--engine=onnx:cpu'])]);
  }
  return processes;
}

async function profileFlags(name: string, directory: string | undefined): Promise<string[]> {
  if (directory === undefined) return [];
  const folder = resolve(directory, name);
  await mkdir(folder, { recursive: true });
  return ['--cpu-prof', `--cpu-prof-dir=${folder}`];
}

/** Of the main threads, and of all steps since the first: what an engine computes in threads of its own is not there. */
async function splitOf(processes: Processes, directory: string, steps: number): Promise<string> {
  const rows = processes.map(async ([name]) => {
    const spent = await phasesOf(join(directory, name));
    return [name, ...phases.map((phase) => ((spent.get(phase) ?? 0) / steps).toFixed(2))];
  });
  return aligned([['ms a step', ...phases], ...(await Promise.all(rows))]);
}

interface Snapshot {
  readonly name: string;
  readonly cpuMs: number;
  readonly residentBytes: number;
}

async function snapshotsOf(processes: Processes): Promise<Snapshot[]> {
  return Promise.all(
    processes.map(async ([name, { pid }]) => {
      const { bytes: residentBytes } = await useOf(pid);
      return { name, cpuMs: await cpuMsOf(pid), residentBytes };
    }),
  );
}

/** Of all threads that live: none of those that matter ends before its process. */
export async function cpuMsOf(pid: number): Promise<number> {
  const folder = `/proc/${pid}/task`;
  const threads = await readdir(folder);
  const nanoseconds = await Promise.all(
    threads.map(async (thread) => {
      const text = await readFile(join(folder, thread, 'schedstat'), 'utf8');
      return Number(text.split(' ', 1)[0]);
    }),
  );
  return nanoseconds.reduce((sum, each) => sum + each, 0) / 1e6;
}

function tableOf(
  before: readonly Snapshot[],
  after: readonly Snapshot[],
  first: RunEventOf<'step'>,
  last: RunEventOf<'step'>,
): string {
  const steps = last.version - first.version;
  const elapsedMs = Date.parse(last.time) - Date.parse(first.time);
  const rows = after.map(({ name, cpuMs, residentBytes }, at) => [
    name,
    ((cpuMs - before[at].cpuMs) / steps).toFixed(2),
    (residentBytes / 1e6).toFixed(0),
    ((residentBytes - before[at].residentBytes) / 1e6).toFixed(1),
  ]);
  return [
    `${steps} steps, ${(elapsedMs / steps).toFixed(2)} ms each by the clock`,
    aligned([['process', 'CPU ms a step', 'resident MB', 'grown by MB'], ...rows]),
  ].join('\n');
}
