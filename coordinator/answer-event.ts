// A worker's gradient as an event for the core, or why it cannot be one: what the core never has to see.
import type { Codec } from '../shared/contracts.ts';
import type { GradientMessage, ShardRun } from '../shared/protocol.ts';
import type { Answer, CrewEvent } from './core-types.ts';

export interface ExpectedAnswers {
  readonly run: string;
  readonly codec: Codec;
  /** One value a parameter: where to decode the next gradient. */
  readonly desk: () => Float32Array;
  /** What a gradient is to be added to, where that is done as it is decoded. */
  readonly beside?: (answer: ShardRun & { readonly version: number }) => Float32Array | undefined;
}

export function answerEvent(
  worker: string,
  { run, payload, ...answer }: GradientMessage,
  expected: ExpectedAnswers,
): CrewEvent {
  if (run !== expected.run) return { type: 'bad-message', worker, reason: 'foreign' };
  const other = expected.beside?.(answer);
  // The core refuses an empty one by its length, and knows which lease that was the answer to.
  const decoded = decode(payload, expected, other) ?? { gradient: new Float32Array(0) };
  return { type: 'answer', worker, answer: { ...answer, ...decoded, payload } };
}

/** Undefined when the codec says that these bytes are none. */
function decode(
  payload: Uint8Array,
  { codec, desk }: ExpectedAnswers,
  other?: Float32Array,
): Pick<Answer, 'gradient' | 'squares' | 'isJoined'> | undefined {
  const gradient = desk();
  try {
    if (codec.join === undefined) return { gradient: codec.decode(payload, gradient) };
    const squares = codec.join(payload, gradient, other);
    return { gradient, squares, isJoined: other !== undefined };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
