// A worker's gradient as an event for the core, or why it cannot be one: what the core never has to see.
import type { Codec } from '../shared/contracts.ts';
import type { GradientMessage } from '../shared/protocol.ts';
import type { CoreEvent } from './core-types.ts';

export interface ExpectedAnswers {
  readonly run: string;
  readonly codec: Codec;
  /** One value a parameter: where gradients are decoded, one after the other. */
  readonly decoded: Float32Array;
}

export function answerEvent(
  worker: string,
  { run, payload, ...answer }: GradientMessage,
  { codec, decoded, ...expected }: ExpectedAnswers,
): CoreEvent {
  if (run !== expected.run) return { type: 'bad-message', worker, reason: 'foreign' };
  // The core refuses an empty one by its length, and knows which lease that was the answer to.
  const gradient = gradientIn(payload, codec, decoded) ?? new Float32Array(0);
  return { type: 'answer', worker, answer: { ...answer, gradient } };
}

/** Undefined when the codec says that these bytes are none. */
function gradientIn(
  payload: Uint8Array,
  codec: Codec,
  into: Float32Array,
): Float32Array | undefined {
  try {
    return codec.decode(payload, into);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
