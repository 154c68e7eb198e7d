// What a run costs on a thin line, and what it loses by sending less: bytes a sample and test accuracy of whole runs,
// and how fast each would be over a line of so many bits a second.
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import type { Counters, RunEventOf } from '../../shared/events.ts';
import { aligned } from '../aligned.ts';
import { startProxy } from '../chaos/proxy.ts';
import { Draw } from '../simulator/draw.ts';
import { inScope, runTutti, startTutti, type TestScope, temporaryFolder } from '../support.ts';

export interface ThinOptions {
  /** Only those whose name holds one of these. */
  readonly rows?: readonly string[];
  /** Of all runs: data set, epochs, seed and so on. */
  readonly flags: readonly string[];
  readonly bytesPerSecond: number;
  /** One way. */
  readonly delayMs: number;
  /** Of measuring on the line. */
  readonly seconds: number;
  /** Where figures are kept: what is there already is not measured again. */
  readonly file?: string;
}

interface ThinResult {
  readonly row: string;
  /** All that it was measured with. */
  readonly flags: readonly string[];
  readonly bytesPerSecond: number;
  readonly delayMs: number;
  /** In and out of the coordinator, without the training data. */
  readonly bytesPerSample: number;
  readonly testAccuracy: number;
  readonly lineSamplesPerSecond: number;
}

const workers = 2;
const local = (steps: number) => ['--sync=local', `--local-steps=${steps}`];
const int8Up = ['--codec=int8', '--weights-codec=float16'];
const int8Both = ['--codec=int8', '--weights-codec=int8'];
const topKUp = ['--codec=topk', '--top-k=0.01', '--weights-codec=int8'];

/** The first is what all are compared with. */
const rows: Readonly<Record<string, readonly string[]>> = {
  'float32 at each step': [],
  'int8 up and float16 down at each step': int8Up,
  'int8 at each step': int8Both,
  '16 local steps of int8 up and float16 down': [...int8Up, ...local(16)],
  '32 local steps of int8 up and float16 down': [...int8Up, ...local(32)],
  '64 local steps of int8 up and float16 down': [...int8Up, ...local(64)],
  '16 local steps of int8': [...int8Both, ...local(16)],
  '32 local steps of int8': [...int8Both, ...local(32)],
  '64 local steps of int8': [...int8Both, ...local(64)],
  '16 local steps of topk up and int8 down': [...topKUp, ...local(16)],
  '32 local steps of topk up and int8 down': [...topKUp, ...local(32)],
};

/** Prints a table. */
export async function measureThin(options: ThinOptions): Promise<void> {
  const { file, bytesPerSecond, delayMs } = options;
  const results: ThinResult[] = [];
  const known = file !== undefined && existsSync(file) ? readResults(file) : [];
  const wanted = Object.entries(rows).filter(([name]) => {
    return options.rows?.some((part) => name.includes(part)) ?? true;
  });
  for (const [row, own] of wanted) {
    const flags = [...options.flags, ...own];
    const conditions = { row, flags, bytesPerSecond, delayMs };
    const isSame = (result: ThinResult) =>
      Object.entries(conditions).every(([key, value]) => {
        return JSON.stringify(result[key as keyof ThinResult]) === JSON.stringify(value);
      });
    const result = known.find(isSame) ?? (await measure(conditions, options.seconds));
    results.push(result);
    console.log(`${row}: ${JSON.stringify(figuresOf(result, results[0]))}`);
    const others = known.filter((each) => !isSame(each) && !results.includes(each));
    if (file !== undefined) await writeResults(file, [...others, ...results]);
  }
  console.log(`\n${tableOf(results)}`);
}

type Conditions = Pick<ThinResult, 'row' | 'flags' | 'bytesPerSecond' | 'delayMs'>;

function measure(conditions: Conditions, seconds: number): Promise<ThinResult> {
  return inScope(async (t) => {
    const cwd = temporaryFolder(t);
    const whole = await wholeRun(t, conditions.flags, cwd);
    // The images are in the workers' cache by now.
    const lineSamplesPerSecond = await speedOnLine(t, conditions, cwd, seconds);
    return { ...conditions, ...whole, lineSamplesPerSecond };
  });
}

async function wholeRun(
  t: TestScope,
  flags: readonly string[],
  cwd: string,
): Promise<Pick<ThinResult, 'bytesPerSample' | 'testAccuracy'>> {
  // Bytes past the sockets are not counted.
  const place = ['--port=0', `--workers=${workers}`, '--no-shared-memory'];
  const words = ['train', '--json', ...place, ...flags];
  const { status, stdout, stderr } = await runTutti(t, words, { cwd });
  if (status !== 0) throw new Error(`tutti ${words.join(' ')} failed: ${stderr}`);
  const end: RunEventOf<'end'> = JSON.parse(stdout.trimEnd().split('\n').at(-1)!);
  const { samplesCommitted } = end.counters;
  return {
    bytesPerSample: trafficOf(end.counters) / samplesCommitted,
    testAccuracy: end.testAccuracy!,
  };
}

function trafficOf({ bytesIn, bytesOut, dataBytesOut }: Counters): number {
  return bytesIn + bytesOut - dataBytesOut;
}

/** Samples a second, when each worker has such a line of its own. */
async function speedOnLine(
  t: TestScope,
  { flags, bytesPerSecond, delayMs }: Conditions,
  cwd: string,
  seconds: number,
): Promise<number> {
  const words = ['coordinator', '--json', '--port=0', ...flags];
  const coordinator = startTutti(t, words, { cwd });
  const { url } = await coordinator.waitForEvent('run');
  const line = await startProxy(t, url, new Draw(0, 'thin line'));
  line.set({ bytesPerSecond, delayMs });
  for (let count = 0; count < workers; count++) startTutti(t, ['worker', line.url], { cwd });
  const first = await coordinator.waitForEvent('step', (step) => step.workers === workers);
  await setTimeout(1000 * seconds);
  const steps = coordinator.eventsSoFar().filter((event) => event.type === 'step');
  const last =
    steps.at(-1)!.version > first.version
      ? steps.at(-1)!
      : await coordinator.waitForEvent('step', ({ version }) => version > first.version);
  const elapsedMs = Date.parse(last.time) - Date.parse(first.time);
  const samples = last.counters.samplesCommitted - first.counters.samplesCommitted;
  return (1000 * samples) / elapsedMs;
}

function figuresOf(result: ThinResult, first: ThinResult) {
  const { bytesPerSample, testAccuracy, lineSamplesPerSecond } = result;
  return {
    'bytes/sample': Math.round(bytesPerSample).toLocaleString('en-US'),
    'times fewer': (first.bytesPerSample / bytesPerSample).toFixed(1),
    accuracy: `${(100 * testAccuracy).toFixed(2)} %`,
    difference: (100 * (testAccuracy - first.testAccuracy)).toFixed(2),
    'samples/s on the line': lineSamplesPerSecond.toFixed(0),
  };
}

function tableOf(results: readonly ThinResult[]): string {
  const lines = results.map((result) => [
    result.row,
    ...Object.values(figuresOf(result, results[0])),
  ]);
  return aligned([['', ...Object.keys(figuresOf(results[0], results[0]))], ...lines]);
}

function readResults(file: string): ThinResult[] {
  return JSON.parse(readFileSync(file, 'utf8'));
}

async function writeResults(file: string, results: readonly ThinResult[]): Promise<void> {
  await writeFile(file, `${JSON.stringify(results, null, 2)}\n`);
}
