// A worker's gradient as an event for the core, or why it cannot be one: what the core never has to see.
import { type CodecName, codecs } from '../shared/codecs/index.ts';
import type { GradientMessage } from '../shared/protocol.ts';
import type { CrewEvent } from './core-types.ts';

export interface ExpectedAnswers {
  readonly run: string;
  readonly codec: CodecName;
  readonly parameterCount: number;
}

export function answerEvent(
  worker: string,
  { run, payload, ...answer }: GradientMessage,
  { codec, parameterCount, ...expected }: ExpectedAnswers,
): CrewEvent {
  if (run !== expected.run) return { type: 'bad-message', worker, reason: 'foreign' };
  const isWhole = payload.length === codecs[codec].byteLength(parameterCount);
  // The core refuses an empty one by its length, and knows which lease that was the answer to.
  const gradient = isWhole ? codecs[codec].decode(payload, parameterCount) : new Float32Array(0);
  return { type: 'answer', worker, answer: { ...answer, gradient, payload } };
}
