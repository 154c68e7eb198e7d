// Audits within a run: what was accepted goes in, workers that lied are expelled, and the counts are told.
import type { NewRunEvent } from '../shared/events.ts';
import { Audits, type AuditsOptions, auditTaskOf } from './audits.ts';
import type { Core } from './core.ts';
import type { Answer } from './core-types.ts';
import type { EventLog } from './event-log.ts';
import type { LearningRates } from './learning-rates.ts';
import type { WorkerTable } from './worker-table.ts';

export interface AuditOrder extends Pick<AuditsOptions, 'rate' | 'audit' | 'draw'> {
  /** Where somebody lied, the run goes back to before its first share. */
  readonly rollsBack?: boolean;
}

/** As much of a run as its audits need. */
export interface Audited {
  readonly core: Pick<Core, 'weights' | 'members'>;
  readonly table: Pick<WorkerTable, 'about'>;
  readonly rates: Pick<LearningRates, 'ofLease'>;
  readonly log: Pick<EventLog, 'add'>;
  /** This worker gave a wrong answer; it may be gone by now. */
  readonly convict: (worker: string, detail: string) => void;
}

const tellEveryMs = 1000;

export class AuditDesk {
  readonly #audits: Audits;
  readonly #run: Audited;
  #nextTellAt = 0;
  #told = '';

  constructor(order: AuditOrder, run: Audited) {
    this.#run = run;
    this.#audits = new Audits({
      ...order,
      onVerdict: (worker, verdict) => {
        if (verdict.kind === 'wrong') run.convict(worker, verdict.text);
      },
      onFailure: ({ message: why }) => {
        const message = `answers are not computed again any more: ${why}`;
        run.log.add({ type: 'notice', level: 'warning', message });
      },
    });
  }

  /** While the weights are those that the answer was computed at. */
  accepted(worker: string, answer: Answer): void {
    this.#audits.accepted(worker, () => {
      const { core, table, rates } = this.#run;
      const { engine = '' } = table.about(worker) ?? {};
      return auditTaskOf(answer, core.weights, { engine, ...rates.ofLease(answer.version) });
    });
  }

  /** To be called now and then. */
  look(now: number): void {
    this.#audits.forgetAllBut(this.#run.core.members);
    if (now < this.#nextTellAt) return;
    this.#nextTellAt = now + tellEveryMs;
    this.#tell();
  }

  /** Waits for the audits that are under way. */
  async close(): Promise<void> {
    await this.#audits.idle;
    this.#tell();
  }

  #tell(): void {
    const event: NewRunEvent = { type: 'audits', ...this.#audits.counts };
    const text = JSON.stringify(event);
    if (text === this.#told) return;
    this.#told = text;
    this.#run.log.add(event);
  }
}
