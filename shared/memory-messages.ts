// How two processes of one machine agree to pass large payloads through memory instead of their socket. The coordinator
// offers its file; a worker that finds it there answers with its own; when the coordinator has found that one, too, what
// it has to say comes `placed`, and the worker knows that it may do the same. Whoever finds nothing goes on as if nobody
// had asked.
import * as v from 'valibot';
import { counters } from './memory-file.ts';

/** Smaller ones are as fast in their messages. */
export const smallestPlaced = 1 << 16;

/**
 * How many payloads there are in each file at a time. Who reads the weights before last has been overtaken by a step
 * without it. A lease may have several runs of shards, and its answers lie there until the coordinator comes to them.
 */
export const slots = { weights: 2, answers: 4 };

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const address = { type: v.literal('memory'), process: count, file: count };

export const memoryOfferSchema = v.strictObject({
  ...address,
  /** What both files begin with, in hex. */
  mark: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  /** Where the coordinator listens: whoever came by another port came through somebody between. */
  port: count,
  /** Where its file counts the answers of this worker that are done with: their places can be taken again. */
  counter: v.pipe(count, v.maxValue(counters - 1)),
});
export type MemoryOffer = v.InferOutput<typeof memoryOfferSchema>;

export const memoryAnswerSchema = v.strictObject(address);

/** A message of the protocol, but for its payload, which is at that place of the sender's file. */
export const placedSchema = v.strictObject({
  type: v.literal('placed'),
  message: v.record(v.string(), v.unknown()),
  place: v.strictObject({
    position: v.pipe(count, v.minValue(1)),
    bytes: count,
    stamp: v.pipe(count, v.minValue(1)),
  }),
  /** What comes behind it. */
  next: v.optional(v.unknown()),
});
export type PlacedMessage = v.InferOutput<typeof placedSchema>;

/** `type` of a message that may be one of these. */
export function typeOf(data: unknown): unknown {
  return typeof data === 'object' && data !== null && 'type' in data ? data.type : undefined;
}
