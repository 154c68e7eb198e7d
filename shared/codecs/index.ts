// The registry of codecs: a new one is a file here and a line below.
import type { Codec } from '../contracts.ts';
import { float32 } from './float32.ts';

export const codecs = {
  float32,
} satisfies Record<string, Codec>;

export type CodecName = keyof typeof codecs;
export const codecNames = Object.keys(codecs) as CodecName[];
