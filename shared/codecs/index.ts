// The registry of codecs: a new one is a file here and a line below.
import type { Codec } from '../contracts.ts';
import { float32 } from './float32.ts';

/** Each is loaded by the runs that ask for it, so that a tab fetches no other. */
const codecs = {
  float32: async () => float32,
  bfloat16: async () => (await import('./bfloat16.ts')).bfloat16,
  float16: async () => (await import('./float16.ts')).float16,
  int8: async () => (await import('./int8.ts')).int8,
} satisfies Record<string, () => Promise<Codec>>;

export type CodecName = keyof typeof codecs;
export const codecNames = Object.keys(codecs) as CodecName[];

/** What a run's numbers travel as. */
export interface RunCodecs {
  readonly gradients: Codec;
  readonly weights: Codec;
}

export async function loadCodecs(
  names: Readonly<Record<keyof RunCodecs, CodecName>>,
): Promise<RunCodecs> {
  return { gradients: await codecs[names.gradients](), weights: await codecs[names.weights]() };
}
