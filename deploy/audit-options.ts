// The flag that says how many answers of workers are computed again.
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
} as const;

/** Throws CliError for what is no part, and where nobody could compute an answer again. */
export function auditRateOf(
  { audit = 0 }: { readonly audit?: number },
  { gradients }: RunConfig['codecs'],
): number {
  if (audit > 0 && hasFeedback(gradients)) {
    throw new CliError(
      'usage',
      `--audit: what --codec ${gradients} leaves out is with the worker, so nobody else can compute its answer.`,
      { hint: 'Take another --codec: int8 is the smallest.' },
    );
  }
  if (audit >= 0 && audit <= 1) return audit;
  throw new CliError('usage', `--audit: expected a number from 0 to 1, got ${audit}.`, {
    hint: 'Example: --audit 0.05',
  });
}
