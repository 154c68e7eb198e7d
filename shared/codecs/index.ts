// The registry of codecs: a new one is a file here and a line below.
import type { Codec } from '../contracts.ts';
import { bfloat16 } from './bfloat16.ts';
import { float16 } from './float16.ts';
import { float32 } from './float32.ts';
import { int8 } from './int8.ts';

export const codecs = {
  float32,
  bfloat16,
  float16,
  int8,
} satisfies Record<string, Codec>;

export type CodecName = keyof typeof codecs;
export const codecNames = Object.keys(codecs) as CodecName[];
