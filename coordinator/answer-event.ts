// A worker's gradient as an event for the core, or why it cannot be one: what the core never has to see.
import { codecs } from '../shared/codecs/index.ts';
import type { GradientMessage, RejectReason } from '../shared/protocol.ts';
import type { CoreEvent } from './core-types.ts';

export interface ExpectedAnswers {
  readonly run: string;
  readonly codec: keyof typeof codecs;
  readonly parameterCount: number;
}

export function answerEvent(
  worker: string,
  { run, payload, ...answer }: GradientMessage,
  { codec, parameterCount, ...expected }: ExpectedAnswers,
): CoreEvent {
  const refuse = (reason: RejectReason): CoreEvent => ({ type: 'bad-message', worker, reason });
  if (run !== expected.run) return refuse('foreign');
  if (payload.length !== parameterCount * codecs[codec].bytesPerValue)
    return refuse('wrong-length');
  const gradient = codecs[codec].decode(payload, parameterCount);
  return { type: 'answer', worker, answer: { ...answer, gradient } };
}
