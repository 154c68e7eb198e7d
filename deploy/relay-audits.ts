// Audits at a relay: the auditor of the run that it works for, one for all connections to it.
import type { RelayAudits } from '../coordinator/relay.ts';
import { type Auditor, startAuditor } from './auditor.ts';

export interface RelayAuditor extends RelayAudits {
  close(): Promise<void>;
}

/** `engine` is `auto` or one of `engineSpecs`. One that cannot run here fails the first audit. */
export function createRelayAuditor(rate: number, engine: string): RelayAuditor {
  let known: { readonly run: string; readonly auditor: Promise<Auditor> } | undefined;
  /** What an older connection has begun comes first. */
  let tail: Promise<unknown> = Promise.resolve();
  const close = async (): Promise<void> => {
    const auditor = await known?.auditor.catch(() => undefined);
    await auditor?.close();
  };
  return {
    rate,
    order: ({ run, config }, train) => {
      const key = JSON.stringify([run, config]);
      if (known?.run !== key) {
        void close();
        const started = train().then((slice) => startAuditor({ config, train: slice, engine }));
        // Whoever audits is told.
        started.catch(() => undefined);
        known = { run: key, auditor: started };
      }
      const { auditor } = known;
      return {
        audit: (task) => {
          const verdict = tail.then(async () => (await auditor).audit(task));
          tail = verdict.catch(() => undefined);
          return verdict;
        },
      };
    },
    close,
  };
}
