// Who computed what: the committed samples of each worker, epoch by epoch.
import type { Contribution } from '../shared/events.ts';
import type { Plan } from '../shared/plan.ts';
import type { LedgerRecord } from './ledger.ts';

export type Contributor = Omit<Contribution, 'samples'>;

export class Contributions {
  readonly #plan: Plan;
  /** By epoch, from 0, and worker: of epochs that nobody has asked for yet. */
  readonly #epochs = new Map<number, Map<string, Contributor & { samples: number }>>();

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  add({ epoch, step, shards }: LedgerRecord, contributorOf: (worker: string) => Contributor): void {
    const ofEpoch = this.#epochs.get(epoch) ?? new Map();
    this.#epochs.set(epoch, ofEpoch);
    for (const { worker, start, length } of shards) {
      const known = ofEpoch.get(worker) ?? { ...contributorOf(worker), samples: 0 };
      known.samples += this.#plan.runSize(step, start, length);
      ofEpoch.set(worker, known);
    }
  }

  /** So far: samples by worker. */
  of(epoch: number): Record<string, number> {
    const entries = [...(this.#epochs.get(epoch)?.values() ?? [])];
    return Object.fromEntries(entries.map(({ worker, samples }) => [worker, samples]));
  }

  /** All of the epoch, the largest first, and forgets it. */
  take(epoch: number): Contribution[] {
    const entries = [...(this.#epochs.get(epoch)?.values() ?? [])];
    this.#epochs.delete(epoch);
    return entries.sort((one, other) => other.samples - one.samples);
  }
}
