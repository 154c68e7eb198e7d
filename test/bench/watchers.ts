// What those who look on cost a run: the same run goes on alternately alone and before a crowd. Linux only.
import { type RunEventOf, runEventSchema } from '../../shared/events.ts';
import { protocolVersion, watchNamespace } from '../../shared/protocol.ts';
import { watchRun } from '../../worker/watch-run.ts';
import { aligned } from '../aligned.ts';
import { useOf } from '../chaos/process-use.ts';
import { newStranger } from '../hostile-client.ts';
import { median } from '../median.ts';
import { dial } from '../raw-websocket.ts';
import { inScope, type TestScope, type Tutti } from '../support.ts';
import { cpuMsOf, startRun } from './step-cost.ts';

export interface WatchersOptions {
  /** In each stretch. */
  readonly steps: number;
  /** Two stretches each: alone and watched. */
  readonly rounds: number;
  readonly workers: number;
  readonly batchSize: number;
}

const warmUpSteps = 300;
/** As pages and as terminals listen; and those of both kinds that never read. */
const crowd = { pages: 15, terminals: 15, deafPages: 5, deafTerminals: 5 };

interface Stretch {
  readonly msAStep: number;
  /** Of the coordinator. */
  readonly cpuMsAStep: number;
  /** Of those who look on, which live in this process: on a busy machine they take it from the workers. */
  readonly ownCpuMsAStep: number;
}

/** Prints a table. */
export async function measureWatchers(options: WatchersOptions): Promise<void> {
  await inScope(async (t) => {
    const [[, coordinator]] = await startRun(t, { ...options, flags: [] });
    const { url } = await coordinator.waitForEvent('run');
    await reached(coordinator, warmUpSteps);
    const before = await useOf(coordinator.pid);
    const alone: Stretch[] = [];
    const watched: Stretch[] = [];
    for (let round = 0; round < options.rounds; round++) {
      alone.push(await measure(coordinator, options.steps));
      await inScope(async (inner) => {
        await gather(inner, url);
        watched.push(await measure(coordinator, options.steps));
      });
    }
    const after = await useOf(coordinator.pid);
    console.log(tableOf(alone, watched));
    const [start, end] = [before, after].map(({ bytes }) => (bytes / 1e6).toFixed(0));
    console.log(`coordinator's resident memory: ${start} MB at the start, ${end} MB at the end`);
  });
}

/** Resolves when all who read have heard of the run. */
async function gather(t: TestScope, url: string): Promise<void> {
  const times = (count: number, enter: () => Promise<unknown>): Promise<unknown>[] =>
    Array.from({ length: count }, enter);
  await Promise.all([
    ...times(crowd.pages, () => listenAsPage(t, url)),
    ...times(crowd.terminals, () => listenAsTerminal(t, url)),
    ...times(crowd.deafPages, async () => {
      const socket = await dial(t, url);
      socket.pause().write('GET /api/v1/events?since=0 HTTP/1.1\r\nhost: x\r\n\r\n');
    }),
    ...times(crowd.deafTerminals, async () => {
      const watcher = await newStranger(t, url);
      await watcher.enter(watchNamespace, { protocol: protocolVersion });
      watcher.wire.socket.pause();
    }),
  ]);
}

async function listenAsPage(t: TestScope, url: string): Promise<void> {
  const abort = new AbortController();
  const { body } = await fetch(`${url}/api/v1/events?since=0`, { signal: abort.signal });
  const reader = body!.getReader();
  await reader.read();
  const reading = (async () => {
    while (!(await reader.read()).done);
  })().catch(() => undefined);
  t.onTestFinished(async () => {
    abort.abort();
    await reading;
  });
}

function listenAsTerminal(t: TestScope, url: string): Promise<void> {
  return new Promise((resolve) => {
    const nothing = () => undefined;
    const handlers = { onEvent: () => resolve(), onAway: nothing, onBack: nothing };
    const watching = watchRun(url, handlers, { schema: runEventSchema });
    t.onTestFinished(async () => watching.close());
  });
}

async function measure(coordinator: Tutti, steps: number): Promise<Stretch> {
  const latest = coordinator.eventsSoFar().findLast(({ type }) => type === 'step');
  const first = await reached(coordinator, (latest as RunEventOf<'step'>).version + 1);
  const cpuMs = await cpuMsOf(coordinator.pid);
  const own = process.cpuUsage();
  const last = await reached(coordinator, first.version + steps);
  const count = last.version - first.version;
  const { user, system } = process.cpuUsage(own);
  return {
    msAStep: (Date.parse(last.time) - Date.parse(first.time)) / count,
    cpuMsAStep: ((await cpuMsOf(coordinator.pid)) - cpuMs) / count,
    ownCpuMsAStep: (user + system) / 1000 / count,
  };
}

function reached(coordinator: Tutti, version: number): Promise<RunEventOf<'step'>> {
  return coordinator.waitForEvent('step', (event) => event.version >= version);
}

const figures = {
  msAStep: 'training, ms a step',
  cpuMsAStep: "coordinator's CPU, ms a step",
  ownCpuMsAStep: "watchers' CPU, ms a step",
} as const satisfies Record<keyof Stretch, string>;

function tableOf(alone: readonly Stretch[], watched: readonly Stretch[]): string {
  const rows = (Object.keys(figures) as (keyof Stretch)[]).map((figure) => {
    const [without, withThem] = [alone, watched].map((stretches) =>
      median(stretches.map((each) => each[figure])),
    );
    // Of neighbours in time: what else the machine does has changed little between them.
    const ratios = watched.map((each, at) => each[figure] / alone[at][figure]);
    const ratio = figure === 'ownCpuMsAStep' ? '' : median(ratios).toFixed(3);
    return [figures[figure], without.toFixed(2), withThem.toFixed(2), ratio];
  });
  const count = Object.values(crowd).reduce((sum, each) => sum + each, 0);
  return aligned([['medians', 'alone', `${count} watchers`, 'ratio'], ...rows]);
}
