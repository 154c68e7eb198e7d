// A worker's gradient as an event for the core, or why it cannot be one: what the core never has to see.
import type { Codec } from '../shared/contracts.ts';
import type { GradientMessage } from '../shared/protocol.ts';
import type { Answer, CrewEvent } from './core-types.ts';

export interface ExpectedAnswers {
  readonly run: string;
  readonly codec: Codec;
  /** One value a parameter: where to decode the next gradient. */
  readonly desk: () => Float32Array;
}

export function answerEvent(
  worker: string,
  { run, payload, ...answer }: GradientMessage,
  { codec, desk, ...expected }: ExpectedAnswers,
): CrewEvent {
  if (run !== expected.run) return { type: 'bad-message', worker, reason: 'foreign' };
  // The core refuses an empty one by its length, and knows which lease that was the answer to.
  const decoded = decode(payload, codec, desk()) ?? { gradient: new Float32Array(0) };
  return { type: 'answer', worker, answer: { ...answer, ...decoded, payload } };
}

/** Undefined when the codec says that these bytes are none. */
function decode(
  payload: Uint8Array,
  codec: Codec,
  into: Float32Array,
): Pick<Answer, 'gradient' | 'squares'> | undefined {
  try {
    if (codec.decodeSquares === undefined) return { gradient: codec.decode(payload, into) };
    return { squares: codec.decodeSquares(payload, into), gradient: into };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
