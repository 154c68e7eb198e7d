// The state machine of a relay: what it is leased goes on to workers of its own, and the sum of what they answer goes out.
// As pure as the core of a run.
import type { GradientCodec } from '../shared/codecs/rounding.ts';
import type { Plan } from '../shared/plan.ts';
import { maxCrewSize, type ShardRun } from '../shared/protocol.ts';
import { VectorPool } from '../shared/vectors/pool.ts';
import type { Answer, CrewEffect, CrewEvent } from './core-types.ts';
import { Crew } from './crew.ts';
import type { Member } from './membership.ts';
import { type RelayedSum, RelayStep } from './relay-step.ts';
import { noCounters } from './training-state.ts';

export type RelayEvent =
  | CrewEvent
  /** Work came, in place of all that came before. */
  | { readonly type: 'leased'; readonly version: number; readonly runs: readonly ShardRun[] }
  /** Nothing happened but time. */
  | { readonly type: 'tick' };

export type RelayEffect =
  | CrewEffect
  /** A leased run is summed up. */
  | {
      readonly type: 'sum';
      readonly version: number;
      readonly epoch: number;
      readonly step: number;
      readonly samples: number;
      readonly sum: RelayedSum;
    }
  /** So many can compute now, so fast together. */
  | { readonly type: 'crew'; readonly workers: number; readonly samplesPerSecond: number };

export interface RelayCoreOptions {
  readonly plan: Plan;
  readonly parameterCount: number;
  readonly codec: GradientCodec;
  /** Told of every answer that is used, while the weights are those that it was computed at. */
  readonly onAccepted?: (worker: string, answer: Answer) => void;
  /** What sums are held in. */
  readonly vectors?: VectorPool;
}

export class RelayCore {
  readonly #options: RelayCoreOptions;
  readonly #crew: Crew<RelayStep>;
  readonly #vectors: VectorPool;
  #crewSize: number | undefined;
  #ended = false;

  constructor(options: RelayCoreOptions) {
    this.#options = options;
    this.#crew = new Crew({ ...options, counters: { ...noCounters } });
    this.#vectors = options.vectors ?? new VectorPool();
  }

  get members(): ReadonlyMap<string, Readonly<Member>> {
    return this.#crew.members;
  }

  get readyCount(): number {
    return this.#crew.readyCount;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Nothing comes of anything that happens after this. */
  end(): void {
    this.#ended = true;
  }

  /** `now` is monotonic time in milliseconds and never goes back. The first call tells who is there: nobody. */
  handle(event: RelayEvent, now: number): RelayEffect[] {
    if (this.#ended) return [];
    const effects = this.#apply(event, now);
    const late = this.#crew.expire(now);
    return [...this.#sums(), ...effects, ...late, ...this.#crew.give(now), ...this.#crewNews()];
  }

  /** When to call again with a tick, if nothing else happens before; infinity when only an event can help. */
  wakeAt(): number {
    return this.#ended ? Number.POSITIVE_INFINITY : this.#crew.wakeAt();
  }

  #apply(event: RelayEvent, now: number): CrewEffect[] {
    switch (event.type) {
      case 'leased':
        this.#stepAt(event.version, now).order(event.runs);
        this.#crew.changeStep();
        return [];
      case 'tick':
        return [];
      default: {
        const effects = this.#crew.handle(event, now);
        const { hopeless, step } = this.#crew;
        // Whoever leased it has others to ask.
        if (hopeless !== undefined) step?.giveUp(hopeless);
        return effects;
      }
    }
  }

  #stepAt(version: number, now: number): RelayStep {
    const known = this.#crew.step;
    if (known?.version === version) return known;
    known?.close();
    const step = new RelayStep({ ...this.#options, version, vectors: this.#vectors });
    this.#crew.begin(step, now);
    return step;
  }

  #sums(): RelayEffect[] {
    const open = this.#crew.step;
    if (open === undefined) return [];
    const { version, epoch, step } = open;
    return open.takeFinished().map((sum) => {
      const samples = this.#options.plan.runSize(step, sum.start, sum.length);
      return { type: 'sum', version, epoch, step, samples, sum };
    });
  }

  /** Whoever is late is not counted on. */
  #crewNews(): RelayEffect[] {
    const { plan } = this.#options;
    const present = [...this.members.values()].filter(({ state }) => {
      return state.kind === 'idle' || state.kind === 'working';
    });
    const size = present.reduce((sum, { workers }) => sum + workers, 0);
    if (size === this.#crewSize) return [];
    this.#crewSize = size;
    // With the news of it goes all that was leased.
    if (size === 0) this.#crew.step?.order([]);
    const perMs = present.reduce((sum, { shardMs }) => sum + 1 / shardMs, 0);
    const samplesPerSecond = (1000 * perMs * plan.stepSize(0)) / plan.shards;
    return [{ type: 'crew', workers: Math.min(size, maxCrewSize), samplesPerSecond }];
  }
}
