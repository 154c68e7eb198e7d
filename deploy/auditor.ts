// The coordinator's audits in a thread of their own, with the training set and an engine.
import type { AuditTask, AuditVerdict } from '../coordinator/audits.ts';
import type { RunConfig } from '../shared/config.ts';
import type { Slice } from '../shared/contracts.ts';
import { startEngineThread, type ThreadReply } from './engine-thread.ts';

export interface Auditor {
  /** One after the other. The task's vectors are gone after this. */
  audit(task: AuditTask): Promise<AuditVerdict>;
  close(): Promise<void>;
}

export interface AuditorTask {
  readonly config: RunConfig;
  readonly train: Slice;
  /** `auto` or one of `engineSpecs`. */
  readonly engine: string;
}

interface VerdictReply {
  readonly kind: 'verdict';
  readonly verdict: AuditVerdict;
}

export type AuditorReply = ThreadReply<VerdictReply>;

/** Rejects when the engine cannot run here. */
export async function startAuditor(task: AuditorTask): Promise<Auditor> {
  const entry = new URL('./audit-thread.js', import.meta.url);
  const thread = await startEngineThread<VerdictReply>(entry, task, 'audit');
  return {
    audit: async (audited) => {
      const vectors = [audited.weights, audited.gradient];
      const transfer = vectors.map(({ buffer }) => buffer as ArrayBuffer);
      return (await thread.ask(audited, transfer)).verdict;
    },
    close: thread.close,
  };
}
