// Audits at a relay: the auditor of the run that it works for, one for all connections to it.
import type { RelayAudits } from '../coordinator/relay.ts';
import { type Auditor, startAuditor } from './auditor.ts';

export interface RelayAuditor extends RelayAudits {
  close(): Promise<void>;
}

/** `engine` is `auto` or one of `engineSpecs`. */
export function createRelayAuditor(rate: number, engine: string): RelayAuditor {
  let known: { readonly run: string; readonly auditor: Auditor } | undefined;
  const close = async (): Promise<void> => {
    await known?.auditor.close();
    known = undefined;
  };
  return {
    rate,
    prepare: async ({ run: id, config }, train) => {
      const run = JSON.stringify([id, config]);
      if (known?.run !== run) {
        await close();
        known = { run, auditor: await startAuditor({ config, train: await train(), engine }) };
      }
      return known.auditor.audit;
    },
    close,
  };
}
