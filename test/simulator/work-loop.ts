// What a worker does on one connection: weights in, gradients out, as worker/worker.ts does it.
import type { Answer } from '../../coordinator/core-types.ts';
import { shardsOf } from '../../coordinator/membership.ts';
import type { Plan } from '../../shared/plan.ts';
import type { ShardRun } from '../../shared/protocol.ts';
import { gradientSum } from './arithmetic.ts';
import type { Draw } from './draw.ts';
import { absurdSpeed, tell } from './lies.ts';
import type { FromSimWorker, Lease, ToSimWorker } from './messages.ts';
import type { WorkerScenario } from './staff.ts';
import type { World } from './world.ts';

export interface WorkLoopOptions {
  readonly scenario: WorkerScenario;
  readonly isHonest: boolean;
  readonly world: World;
  readonly draw: Draw;
  readonly plan: Plan;
  readonly fetchMs: number;
  /** Shards whose samples it has. */
  readonly parts: Set<number>;
  send(message: FromSimWorker): void;
  /** Does it then, or when the worker is awake again; not at all once the connection is gone. */
  later(delayMs: number, action: () => void): void;
}

export class WorkLoop {
  readonly #options: WorkLoopOptions;
  readonly #leases: Lease[] = [];
  #weights: Extract<ToSimWorker, { type: 'weights' }> | undefined;
  #isComputing = false;
  /** Nothing is said of a crew before it is ready. */
  #crew: 'unready' | 'here' | 'gone' = 'unready';
  #crewMessages = 0;
  /** Of the latest weights: messages may overtake each other here. */
  #wantedVersion = -1;

  constructor(options: WorkLoopOptions) {
    this.#options = options;
  }

  take(message: Exclude<ToSimWorker, { type: 'refused' | 'finished' }>): void {
    switch (message.type) {
      case 'welcome':
        return this.#options.later(this.#options.scenario.prepareMs, () => this.#announce());
      case 'weights':
        this.#weights = message;
        this.#wantedVersion = Math.max(this.#wantedVersion, message.version);
        return;
      case 'lease':
        if (this.#crew === 'gone') return;
        this.#leases.push(message);
        if (!this.#isComputing) this.#next();
        return;
      default:
        message satisfies never;
    }
  }

  /** Of a relay: nobody computes for it any more. */
  rest(): void {
    if (this.#crew !== 'here') return;
    this.#crew = 'gone';
    this.#leases.length = 0;
    this.#options.world.happened('relay without workers');
    this.#sendCrew(0);
  }

  /** Of a relay: somebody does again, or others as well. */
  goOn(): void {
    if (this.#crew === 'unready') return;
    this.#crew = 'here';
    this.#sendCrew(1);
  }

  #sendCrew(workers: number): void {
    const order = this.#crewMessages++;
    const samplesPerSecond = workers * this.#claim();
    this.#options.send({ type: 'crew', order, workers, samplesPerSecond });
  }

  #announce(): void {
    this.#crew = 'here';
    this.#options.send({ type: 'ready', samplesPerSecond: this.#claim() });
  }

  #claim(): number {
    const { scenario, isHonest, draw } = this.#options;
    const { msPerSample, boast, dishonesty } = scenario;
    const isAbsurd = !isHonest && dishonesty?.lies.includes('absurd speed');
    return isAbsurd ? absurdSpeed(draw) : (1000 / msPerSample) * boast;
  }

  #next(): void {
    const lease = this.#leases.shift();
    this.#isComputing = lease !== undefined;
    if (lease === undefined) return;
    if (this.#weights?.version !== lease.version) return this.#next();
    const { values } = this.#weights;
    this.#fetch(lease, () => this.#compute(lease, values, 0));
  }

  #fetch({ runs }: Lease, then: () => void): void {
    const { plan, parts, fetchMs, later } = this.#options;
    const lacking = shardsOf(runs).filter((shard) => !parts.has(shard));
    if (!plan.hasParts || lacking.length === 0) return then();
    later(fetchMs, () => {
      for (const shard of lacking) parts.add(shard);
      then();
    });
  }

  #compute(lease: Lease, weights: Float32Array, index: number): void {
    const { scenario, draw, plan, later } = this.#options;
    if (index === lease.runs.length || lease.version < this.#wantedVersion) return this.#next();
    const { start, length } = lease.runs[index];
    const samples = plan.runSize(lease.step, start, length);
    later(samples * scenario.msPerSample * draw.between(0.8, 1.2), () => {
      const isWanted = lease.version === this.#wantedVersion && this.#crew === 'here';
      if (isWanted) this.#answer(lease, weights, { start, length });
      this.#compute(lease, weights, index + 1);
    });
  }

  #answer(lease: Lease, weights: Float32Array, run: ShardRun): void {
    const { scenario, isHonest, world, draw, plan, send } = this.#options;
    const answerFor = (of: ShardRun): Answer => trueAnswer(plan, lease, weights, of);
    const answer = answerFor(run);
    if (isHonest || scenario.dishonesty === undefined || !draw.chance(scenario.dishonesty.rate)) {
      return send({ type: 'answer', answer });
    }
    world.happened('lie told');
    const lie = draw.pick(scenario.dishonesty.lies);
    world.trace?.(`${scenario.name} lies: ${lie}`);
    for (const told of tell(lie, answer, { draw, shards: plan.shards, answerFor })) send(told);
  }
}

function trueAnswer(plan: Plan, lease: Lease, weights: Float32Array, run: ShardRun): Answer {
  const { version, epoch, step } = lease;
  const indices: number[] = [];
  for (let shard = run.start; shard < run.start + run.length; shard++) {
    indices.push(...plan.shardIndices(epoch, step, shard));
  }
  const sum = gradientSum({ version, epoch, step }, weights, indices);
  return { version, epoch, step, ...run, samples: indices.length, ...sum };
}
