// A process full of prepared workers, started by the benchmark of scale: it tells it when each version of the weights was
// first worked at, and how many of its workers are gone.
import { modelOf, planOf, type RunConfig } from '../../shared/config.ts';
import { PayloadSlots } from '../../shared/payload-slots.ts';
import type { Plan } from '../../shared/plan.ts';
import {
  type LeaseMessage,
  protocolVersion,
  type ShardRun,
  type ToWorker,
} from '../../shared/protocol.ts';
import { createRandom } from '../../shared/random.ts';
import { roomFor, VectorMemory } from '../../shared/vectors/memory.ts';
import { roomForFrame } from '../../shared/wire.ts';
import { PreparedWorker } from './prepared-worker.ts';

export interface CrowdOptions {
  readonly url: string;
  /** Its workers are called `name-1` and so on. */
  readonly name: string;
  readonly workers: number;
  /** What a shard takes each of them, in which it does nothing. */
  readonly shardMs: number;
}

export interface CrowdNews {
  /** When this crowd first got a lease of these versions, in milliseconds of the wall clock. */
  readonly versions: readonly (readonly [version: number, at: number])[];
  /** Workers who have come so far. */
  readonly joined: number;
  /** Workers without a connection. */
  readonly gone: number;
  /** Partial sums that were sent so far. */
  readonly answers: number;
  /** In and out of all sockets so far. */
  readonly bytes: number;
}

/** A claim to begin with: the coordinator measures. */
const samplesPerSecond = 10_000;
const tellEveryMs = 100;
/** As much memory as gradients on their way may take before each gets its own. */
const maxMemoryBytes = 1 << 29;

/** All that its workers share. */
interface Workshop {
  readonly run: string;
  readonly plan: Plan;
  readonly gradient: Uint8Array;
  readonly slots: PayloadSlots;
}

class Crowd {
  readonly #options: CrowdOptions;
  #workshop: Workshop | undefined;
  #latest = -1;
  /** Of the latest lease of each worker. */
  readonly #wanted = new Map<PreparedWorker, number>();
  #versions: [number, number][] = [];
  readonly #workers: PreparedWorker[] = [];
  #joined = 0;
  #gone = 0;
  #answers = 0;

  constructor(options: CrowdOptions) {
    this.#options = options;
    const { url, name, workers } = options;
    for (let number = 1; number <= workers; number++) {
      const worker = new PreparedWorker({
        url,
        handshake: { protocol: protocolVersion, name: `${name}-${number}`, kind: 'node' },
        onMessage: (message, from) => this.#hear(message, from),
        onGone: () => this.#gone++,
      });
      this.#workers.push(worker);
    }
  }

  /** Versions since it was asked last. */
  news(): CrowdNews {
    const bytes = this.#workers.reduce(
      (sum, { socket }) => sum + socket.bytesRead + socket.bytesWritten,
      0,
    );
    return {
      versions: this.#versions.splice(0),
      joined: this.#joined,
      gone: this.#gone,
      answers: this.#answers,
      bytes,
    };
  }

  #hear(message: ToWorker, worker: PreparedWorker): void {
    if (message.type === 'welcome') {
      this.#workshop ??= furnish(message.run, message.config, this.#options.workers);
      this.#joined++;
      worker.say({ type: 'ready', engine: 'prepared:none', samplesPerSecond });
    }
    if (message.type === 'lease') this.#work(message, worker);
  }

  /** As a real one: run by run, as long as the step is not over. */
  #work(lease: LeaseMessage, worker: PreparedWorker): void {
    const { version, runs } = lease;
    if (version > this.#latest) {
      this.#latest = version;
      this.#versions.push([version, performance.timeOrigin + performance.now()]);
    }
    this.#wanted.set(worker, version);
    let dueMs = 0;
    for (const run of runs) {
      dueMs += this.#options.shardMs * run.length;
      setTimeout(() => {
        if (this.#wanted.get(worker) === version) this.#answer(lease, run, worker);
      }, dueMs);
    }
  }

  #answer(
    { epoch, step, version }: LeaseMessage,
    { start, length }: ShardRun,
    worker: PreparedWorker,
  ): void {
    const { run, plan, gradient, slots } = this.#workshop!;
    const { socket } = worker;
    const samples = plan.runSize(step, start, length);
    const payload = slots.take();
    payload.set(gradient);
    this.#answers++;
    worker.say(
      {
        type: 'gradient',
        run,
        epoch,
        step,
        version,
        start,
        length,
        samples,
        lossSum: Math.LN2 * samples,
        correct: 0,
        computeMs: this.#options.shardMs * length,
      },
      payload,
    );
    slots.lend(payload, {
      hasSentAll: () => socket.destroyed || socket.writableLength === 0,
    });
  }
}

/** Gradients as float32: small numbers, half of them negative. */
function furnish(run: string, config: RunConfig, workers: number): Workshop {
  const { parameterCount } = modelOf(config);
  const random = createRandom('a prepared gradient');
  const values = Float32Array.from(
    { length: parameterCount },
    () => (random.uniform() - 0.5) / 1e3,
  );
  const gradient = new Uint8Array(values.buffer);
  const room = roomFor(roomForFrame(gradient.length));
  const count = Math.min(workers, Math.floor(maxMemoryBytes / room));
  const memory = new VectorMemory(count * room);
  const slots = new PayloadSlots(count, gradient.length, (bytes) => memory.bytes(bytes));
  return { run, plan: planOf(config), gradient, slots };
}

const crowd = new Crowd(JSON.parse(process.argv[2]));
setInterval(() => process.send?.(crowd.news()), tellEveryMs);
process.on('disconnect', () => process.exit());
