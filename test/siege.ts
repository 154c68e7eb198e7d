// A coordinator in its own process, one honest worker that trains, and what becomes of those who come to disturb.
import { expect } from 'vitest';
import type { RunEvent, RunEventOf } from '../shared/events.ts';
import { rejectReasons } from '../shared/protocol.ts';
import { type Cluster, inScope, newCluster, type TestScope } from './support.ts';

type WorkerEvent = RunEventOf<'worker'>;

const batchSize = 512;
/** Without end. Its steps take an honest worker long enough that somebody else can answer in time. */
const flags = [
  `--batch-size=${batchSize}`,
  '--train-samples=8192',
  '--hidden=32',
  '--epochs=100000',
];
const honestWorker = ['--name=honest', '--engine=reference'];

export class Siege {
  readonly url: string;
  readonly #cluster: Cluster;
  readonly #pid: number;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#pid = cluster.coordinator.pid;
    this.url = cluster.url;
  }

  /** What the coordinator told of this worker, until it was gone. */
  async fateOf(name: string): Promise<string[]> {
    const { coordinator } = this.#cluster;
    const isGone = ({ action }: WorkerEvent) => action === 'left' || action === 'expelled';
    await coordinator.waitForEvent('worker', (event) => event.name === name && isGone(event));
    return this.eventsOf(name).map(({ action, reason }) =>
      action === 'rejected' ? `rejected: ${nameOf(reason)}` : action,
    );
  }

  /** Those so far. */
  eventsOf(name: string): WorkerEvent[] {
    const lines = this.#cluster.coordinator.stdout.split('\n').slice(0, -1);
    const events = lines.map((line): RunEvent => JSON.parse(line));
    return events.filter(isWorker).filter((event) => event.name === name);
  }

  waitForEvent<Type extends RunEvent['type']>(
    type: Type,
    predicate?: (event: RunEventOf<Type>) => boolean,
  ): Promise<RunEventOf<Type>> {
    return this.#cluster.coordinator.waitForEvent(type, predicate);
  }

  /** Training goes on after all that has happened so far. */
  async trainsOn(): Promise<void> {
    const { stdout } = this.#cluster.coordinator;
    const seen = stdout.trimEnd().split('\n').length;
    await this.waitForEvent('step', ({ seq }) => seq > seen);
  }

  /** Ends the run, and expects that it went as one in which nothing happened. */
  async endsUnharmed(): Promise<void> {
    const { coordinator, end } = this.#cluster;
    coordinator.kill('SIGINT');
    const { reason, version, weightsHash, counters } = await end();
    expect(reason).toBe('stopped');
    expect(coordinator.pid).toBe(this.#pid);
    const events = await coordinator.allEvents();
    const rejections = events.filter((event) => isWorker(event) && event.action === 'rejected');
    expect(counters.gradientsRejected).toBe(rejections.length);
    expect(counters.samplesCommitted).toBe(batchSize * version);
    expect(events.filter(isWorker).filter(({ name }) => name === 'honest')).toMatchObject([
      { action: 'joined' },
      { action: 'ready' },
    ]);
    expect(events.filter(isNotice).filter(({ message }) => /mistake/.test(message))).toEqual([]);
    expect(await undisturbedHash(version)).toBe(weightsHash);
  }
}

/** For what several tests share: pass `scope` on, and `close` when they are done. */
export function openScope(): { readonly scope: TestScope; close(): Promise<void> } {
  const cleanUps: (() => Promise<void>)[] = [];
  return {
    scope: { onTestFinished: (cleanUp) => void cleanUps.unshift(cleanUp) },
    close: async () => {
      for (const cleanUp of cleanUps) await cleanUp();
    },
  };
}

/** Until it trains. */
export async function besiege(t: TestScope): Promise<Siege> {
  const cluster = await newCluster(t, { workers: 0, flags });
  cluster.addWorker(...honestWorker);
  await cluster.coordinator.waitForEvent('step');
  return new Siege(cluster);
}

/** Of the weights after so many steps, with the honest worker alone. */
function undisturbedHash(steps: number): Promise<string> {
  return inScope(async (t) => {
    const untilThen = [...flags, `--max-steps=${steps}`];
    const { addWorker, end } = await newCluster(t, { workers: 0, flags: untilThen });
    addWorker(...honestWorker);
    return (await end()).weightsHash;
  });
}

function nameOf(sentence: string | undefined): string | undefined {
  return Object.entries(rejectReasons).find(([, text]) => text === sentence)?.[0];
}

function isWorker(event: RunEvent): event is WorkerEvent {
  return event.type === 'worker';
}

function isNotice(event: RunEvent): event is RunEventOf<'notice'> {
  return event.type === 'notice';
}
