// What an administrator asks of the run, carried out where the run is as they think it is, and told as an event.
import type { ControlFault, ControlRequest } from '../shared/controls.ts';
import type { RunEventOf } from '../shared/events.ts';
import { cleanName } from '../shared/names.ts';
import type { RunArchive } from './archive.ts';
import type { Core } from './core.ts';
import type { CoreEvent } from './core-types.ts';
import type { EventLog } from './event-log.ts';
import type { LearningRates, RateChange } from './learning-rates.ts';
import type { Milestones } from './milestones.ts';

/** As much of a run as its controls change. */
export interface Steered {
  readonly core: Pick<Core, 'ended' | 'version' | 'nextVersion' | 'pausedBy' | 'members'>;
  readonly milestones: Pick<Milestones, 'isBehind'>;
  readonly rates: LearningRates;
  readonly archive: Pick<RunArchive, 'recordRate'>;
  readonly log: Pick<EventLog, 'add'>;
  readonly dispatch: (event: CoreEvent) => void;
}

export type ControlVerdict =
  | { readonly ok: true; readonly event: ControlEvent }
  | { readonly ok: false; readonly fault: ControlFault };

type ControlEvent = RunEventOf<'control'>;
type NewControlEvent = Omit<ControlEvent, 'seq' | 'time'>;
type RequestOf<Kind> = Extract<ControlRequest, { kind: Kind }>;

const longestReason = 150;

export function carryOut(request: ControlRequest, run: Steered): ControlVerdict {
  const { core } = run;
  if (core.ended) return refuse('over', 'The run is over.', 'Resume it, or start another one.');
  const by = cleanName(request.by ?? '', 'the administrator');
  const event = { type: 'control', by, fromVersion: core.version } as const;
  /** Told first: what comes of it is told after it. */
  const done = (told: NewControlEvent, ...after: readonly CoreEvent[]): ControlVerdict => {
    const added = run.log.add(told) as ControlEvent;
    for (const one of after) run.dispatch(one);
    return { ok: true, event: added };
  };
  const { kind } = request;
  switch (kind) {
    case 'pause':
      if (core.pausedBy === undefined) return done({ ...event, kind }, { type: 'pause', by });
      return refuse('paused', `The run is paused by ${core.pausedBy}.`, 'Resume lets it go on.');
    case 'resume':
      if (core.pausedBy !== undefined) return done({ ...event, kind }, { type: 'resume' });
      return refuse('moving', 'The run is not paused.', 'Its state says what it waits for.');
    case 'stop':
      return done({ ...event, kind }, { type: 'stop' });
    case 'checkpoint':
      if (!run.milestones.isBehind) return done({ ...event, kind }, { type: 'checkpoint' });
      return refuse('busy', 'Other checkpoints wait to be written.', 'Ask again in a moment.');
    case 'rate': {
      const change = { fromVersion: core.nextVersion, learningRate: request.rate };
      const fault = record(change, run);
      return fault ? { ok: false, fault } : done({ ...event, ...change, kind });
    }
    case 'expel': {
      const found = findWorker(request, core.members);
      if ('code' in found) return { ok: false, fault: found };
      const { worker, name } = found;
      const reason = cleanName(request.reason ?? '', '', longestReason) || undefined;
      const detail = `${by} sent it away${reason === undefined ? '' : `: ${reason}`}`;
      return done(
        { ...event, kind, worker, name, ...(reason !== undefined && { reason }) },
        { type: 'expel', worker, reason: 'expelled', detail },
      );
    }
    default:
      return kind satisfies never;
  }
}

/** On disk before any step uses it: whoever resumes the run uses it from the same step on. */
function record(change: RateChange, { rates, archive }: Steered): ControlFault | undefined {
  try {
    archive.recordRate(change);
  } catch (error) {
    const message = `The new rate cannot be written down: ${(error as Error).message}.`;
    return {
      code: 'disk',
      message,
      hint: 'The old one stays. Make room on the disk, then ask again.',
    };
  }
  rates.add(change);
  return undefined;
}

function findWorker(
  { worker: wanted }: RequestOf<'expel'>,
  members: Core['members'],
): { readonly worker: string; readonly name: string } | ControlFault {
  const known = [...members.values()];
  const found = known.filter(({ worker, name }) => worker === wanted || name === wanted);
  const [only] = found.filter(({ worker }) => worker === wanted).concat(found);
  const shown = cleanName(wanted, 'nobody');
  if (only === undefined) {
    const names = known.map(({ name }) => name);
    const message = `No worker is called "${shown}".`;
    return {
      code: 'worker',
      message,
      hint: 'Its name or id is in the table of workers.',
      known: names,
    };
  }
  if (only.worker === wanted || found.length === 1) return only;
  const ids = found.map(({ worker }) => worker).join(', ');
  const message = `${found.length} workers are called "${shown}".`;
  return { code: 'ambiguous', message, hint: `Name one by its id: ${ids}.` };
}

function refuse(code: ControlFault['code'], message: string, hint: string): ControlVerdict {
  return { ok: false, fault: { code, message, hint } };
}
