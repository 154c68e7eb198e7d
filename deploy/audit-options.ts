// The flags that say how many answers of workers are computed again, and what follows from a lie.
import { hasFeedback } from '../shared/codecs/index.ts';
import type { RunConfig } from '../shared/config.ts';
import { CliError } from './exit-codes.ts';

export const auditOptions = {
  audit: {
    type: 'number',
    describe: 'Part of the answers that are computed again here; who gave a wrong one is expelled',
    defaultDescription: '0',
    requiresArg: true,
    group: 'Cluster:',
  },
  'audit-rollback': {
    type: 'boolean',
    describe: 'With --audit: where somebody lied, go back to before its first share of a step',
    group: 'Cluster:',
  },
} as const;

export interface AuditFlags {
  readonly audit?: number;
  readonly auditRollback?: boolean;
}

/** Throws CliError for what is no part, where nobody could compute an answer again, and for a flag that nothing follows from. */
export function auditsOf(
  { audit = 0, auditRollback: rollsBack = false }: AuditFlags,
  { gradients }: RunConfig['codecs'],
): { readonly rate: number; readonly rollsBack: boolean } {
  if (audit > 0 && hasFeedback(gradients)) {
    throw new CliError(
      'usage',
      `--audit: what --codec ${gradients} leaves out is with the worker, so nobody else can compute its answer.`,
      { hint: 'Take another --codec: int8 is the smallest.' },
    );
  }
  const rate = auditRateOf(audit);
  if (rollsBack && rate === 0) {
    throw new CliError('usage', '--audit-rollback: without --audit nobody is found to lie.', {
      hint: 'Example: --audit 0.05 --audit-rollback',
    });
  }
  return { rate, rollsBack };
}

/** Throws CliError for what is no part. */
export function auditRateOf(audit = 0): number {
  if (audit >= 0 && audit <= 1) return audit;
  throw new CliError('usage', `--audit: expected a number from 0 to 1, got ${audit}.`, {
    hint: 'Example: --audit 0.05',
  });
}
