// What a configuration may say about how numbers travel. What is lost on the way is part of the result.
import * as v from 'valibot';
import { codecNames, weightsCodecNames } from './index.ts';

export const codecsSchema = v.pipe(
  v.strictObject({
    gradients: v.picklist(codecNames),
    weights: v.picklist(weightsCodecNames),
    /** Of topk: the part of all values that is sent. */
    topK: v.optional(v.pipe(v.number(), v.gtValue(0), v.maxValue(1))),
  }),
  v.forward(
    v.check(
      ({ gradients, topK }) => (gradients === 'topk') === (topK !== undefined),
      'topk needs it, and nothing else has it',
    ),
    ['topK'],
  ),
);
