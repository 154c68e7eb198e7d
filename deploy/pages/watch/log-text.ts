// Events as sentences, and the kinds that the log can be filtered by.
import { controlText } from '../../../shared/control-text.ts';
import type { RunEvent, RunEventOf } from '../../../shared/events.ts';
import { integer } from '../join/wording.ts';
import { accuracyText, capitalized, lossText } from './format.ts';

export const logKinds = ['workers', 'epochs', 'checkpoints', 'controls', 'notices'] as const;
export type LogKind = (typeof logKinds)[number];

export function logKindOf({ type }: RunEvent): LogKind {
  if (type === 'worker') return 'workers';
  if (type === 'epoch') return 'epochs';
  if (type === 'control') return 'controls';
  return type === 'checkpoint' ? 'checkpoints' : 'notices';
}

export function eventText(event: RunEvent): string {
  switch (event.type) {
    case 'run':
      return event.fromVersion > 0
        ? `${event.run} goes on after step ${integer(event.fromVersion)}`
        : `${event.run} begins`;
    case 'worker':
      return workerText(event);
    case 'waiting':
      return event.cause === 'none' ? 'The run goes on' : capitalized(event.text);
    case 'epoch':
      return (
        `Epoch ${event.epoch}: train loss ${lossText(event.trainLoss)}, ` +
        `test loss ${lossText(event.testLoss)}, test accuracy ${accuracyText(event.testAccuracy)}`
      );
    case 'checkpoint':
      return event.error === undefined
        ? `Checkpoint at step ${integer(event.version)}`
        : `No checkpoint at step ${integer(event.version)}: ${event.error}`;
    case 'control':
      return capitalized(controlText(event));
    case 'notice':
      return event.message;
    case 'end':
      return `The run is over: ${event.reason}${event.message ? `; ${event.message}` : ''}`;
    case 'step':
    case 'workers':
    case 'audits':
      return '';
    default:
      event satisfies never;
      return '';
  }
}

const actions: Readonly<Record<RunEventOf<'worker'>['action'], string>> = {
  joined: 'joined',
  ready: 'is ready',
  standby: 'waits as a spare',
  late: 'is late',
  left: 'left',
  expelled: 'was expelled',
  rejected: 'was refused',
};

function workerText({ name, action, engine, reason }: RunEventOf<'worker'>): string {
  const details = [...(action === 'ready' && engine ? [engine] : []), ...(reason ? [reason] : [])];
  const after = details.length > 0 ? `: ${details.join(', ')}` : '';
  return `${name} ${actions[action]}${after}`;
}
