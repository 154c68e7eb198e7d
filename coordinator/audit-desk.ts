// Audits within a run: what was accepted goes in, workers that lied are expelled, and the counts are told.
import type { Codec } from '../shared/contracts.ts';
import type { NewRunEvent } from '../shared/events.ts';
import { Audits, type AuditsOptions, auditTaskOf, weightsAsSent } from './audits.ts';
import type { Core } from './core.ts';
import type { Answer, CrewEvent } from './core-types.ts';
import type { CrewDesk } from './crew-desk.ts';
import type { LearningRates } from './learning-rates.ts';
import type { WorkerTable } from './worker-table.ts';

export interface AuditOrder extends Pick<AuditsOptions, 'rate' | 'audit' | 'draw'> {
  /** Where somebody lied, the run goes back to before its first share. */
  readonly rollsBack?: boolean;
}

/** As much of a run, or of a relay's part in it, as its audits need. */
export interface Audited {
  readonly core: Pick<Core, 'members' | 'ended'>;
  readonly dispatch: (event: CrewEvent) => void;
  readonly desk: Pick<CrewDesk, 'perform'>;
  /** The weights of a version as workers were sent them, in this codec; read at once. */
  readonly sentAt: (version: number) => Uint8Array;
  readonly codec: Codec;
  readonly table: Pick<WorkerTable, 'about'>;
  readonly rates: Pick<LearningRates, 'ofLease'>;
  readonly tell: (event: NewRunEvent) => void;
  /** This worker gave a wrong answer and is expelled; it may be gone by now. */
  readonly convicted: (worker: string, name: string, detail: string) => void;
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
      onVerdict: (worker, verdict, name) => {
        if (verdict.kind !== 'wrong') return;
        this.#expel(worker, verdict.text);
        run.convicted(worker, name, verdict.text);
      },
      onFailure: ({ message: why }) => {
        const message = `answers are not computed again any more: ${why}`;
        run.tell({ type: 'notice', level: 'warning', message });
      },
    });
  }

  /** While the weights are those that the answer was computed at. */
  accepted(worker: string, answer: Answer): void {
    this.#audits.accepted(worker, () => {
      const { table, rates, codec, sentAt } = this.#run;
      const { version, gradient } = answer;
      const { name = worker, engine = '' } = table.about(worker) ?? {};
      const weights = weightsAsSent(codec, sentAt(version), gradient.length);
      return auditTaskOf(answer, { name, engine, weights, ...rates.ofLease(version) });
    });
  }

  /** To be called now and then. */
  look(now: number): void {
    this.#audits.forgetAllBut(this.#run.core.members);
    if (now < this.#nextTellAt) return;
    this.#nextTellAt = now + tellEveryMs;
    this.#tell();
  }

  /** So many answers were wrong. */
  get found(): number {
    return this.#audits.counts.wrong;
  }

  /** Waits for the audits that are under way. */
  async close(): Promise<void> {
    await this.#audits.idle;
    this.#tell();
  }

  #expel(worker: string, detail: string): void {
    const { core, desk, dispatch } = this.#run;
    const expulsion = { type: 'expel', worker, reason: 'audit', detail } as const;
    // Until the last answers are looked at, whoever gave them is here.
    if (core.ended) desk.perform(expulsion, performance.now());
    else dispatch(expulsion);
  }

  #tell(): void {
    const event: NewRunEvent = { type: 'audits', ...this.#audits.counts };
    const text = JSON.stringify(event);
    if (text === this.#told) return;
    this.#told = text;
    this.#run.tell(event);
  }
}
