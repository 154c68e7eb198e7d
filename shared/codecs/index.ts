// The registry of codecs: a new one is a file here and a line below.
import type { Codec } from '../contracts.ts';
import { float32 } from './float32.ts';

interface CodecOptions {
  /** Of topk: the part of all values that is sent. */
  readonly topK?: number;
}

/** Each is loaded by the runs that ask for it, so that a tab fetches no other. */
const codecs = {
  float32: async () => float32,
  bfloat16: async () => (await import('./bfloat16.ts')).bfloat16,
  float16: async () => (await import('./float16.ts')).float16,
  int8: async () => (await import('./int8.ts')).int8,
} satisfies Record<string, () => Promise<Codec>>;

/** Those with feedback, which weights cannot travel as: what they leave out comes later, or never. */
const feedbackCodecs = {
  topk: async ({ topK }: CodecOptions) => (await import('./topk.ts')).createTopK(topK!),
} satisfies Record<string, (options: CodecOptions) => Promise<Codec>>;

export type WeightsCodecName = keyof typeof codecs;
export type FeedbackCodecName = keyof typeof feedbackCodecs;
export type CodecName = WeightsCodecName | FeedbackCodecName;

export const weightsCodecNames = Object.keys(codecs) as WeightsCodecName[];
export const codecNames: readonly CodecName[] = [
  ...weightsCodecNames,
  ...(Object.keys(feedbackCodecs) as FeedbackCodecName[]),
];

export function hasFeedback(name: CodecName): name is FeedbackCodecName {
  return name in feedbackCodecs;
}

/** What a run's numbers travel as. */
export interface RunCodecs {
  readonly gradients: Codec;
  readonly weights: Codec;
}

interface CodecChoice extends CodecOptions {
  readonly gradients: CodecName;
  readonly weights: WeightsCodecName;
}

export async function loadCodecs(choice: CodecChoice): Promise<RunCodecs> {
  const { gradients, weights } = choice;
  return {
    gradients: await (hasFeedback(gradients)
      ? feedbackCodecs[gradients](choice)
      : codecs[gradients]()),
    weights: await codecs[weights](),
  };
}
