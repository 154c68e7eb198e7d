// The flag that says how many answers of workers are computed again.
import { CliError } from './exit-codes.ts';

export const auditOptions = {
  audit: {
    type: 'number',
    describe: 'Part of the answers that are computed again here; who gave a wrong one is expelled',
    defaultDescription: '0',
    requiresArg: true,
    group: 'Cluster:',
  },
} as const;

/** Throws CliError for what is no part. */
export function auditRateOf({ audit = 0 }: { readonly audit?: number }): number {
  if (audit >= 0 && audit <= 1) return audit;
  throw new CliError('usage', `--audit: expected a number from 0 to 1, got ${audit}.`, {
    hint: 'Example: --audit 0.05',
  });
}
