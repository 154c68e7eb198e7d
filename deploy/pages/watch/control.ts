// Whether the reader of the page may steer the run, and what came of their requests.
import { signal } from '@preact/signals';
import * as v from 'valibot';
import { controlText } from '../../../shared/control-text.ts';
import { type ControlRequest, controlFaultSchema } from '../../../shared/controls.ts';
import { runEventSchema } from '../../../shared/events.ts';
import { ask } from './api.ts';
import { capitalized } from './format.ts';

export interface Outcome {
  readonly isDone: boolean;
  readonly text: string;
}

export const isAdministrator = signal(false);
/** Of the last request. */
export const outcome = signal<Outcome | undefined>(undefined);

/** The coordinator knows whose link it is. */
export async function learnRights(): Promise<void> {
  isAdministrator.value = await ask('api/v1/controls').then(
    ({ ok }) => ok,
    () => false,
  );
}

export async function control({ kind, ...body }: ControlRequest): Promise<void> {
  const init = { method: 'POST', body: JSON.stringify(body) };
  outcome.value = await ask(`api/v1/controls/${kind}`, init)
    .then((response) => response.json())
    .then(outcomeOf, () => ({ isDone: false, text: 'The coordinator does not answer.' }));
}

function outcomeOf(answer: unknown): Outcome {
  const event = v.safeParse(runEventSchema, answer);
  if (event.success && event.output.type === 'control') {
    return { isDone: true, text: `${capitalized(controlText(event.output))}.` };
  }
  const fault = v.safeParse(controlFaultSchema, answer);
  if (!fault.success) return { isDone: false, text: 'The coordinator says nothing of use.' };
  const { message, hint } = fault.output.error;
  return { isDone: false, text: `${message} ${hint}` };
}
