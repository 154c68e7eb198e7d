// Every message between a coordinator and its workers and watchers, and every reason to refuse one.
import * as v from 'valibot';
import { runConfigSchema } from './config.ts';

/** Both sides must speak the same version: the coordinator refuses others by name. */
export const protocolVersion = 10;

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const finite = v.pipe(v.number(), v.finite());
export const longestLabel = 200;
const label = v.pipe(v.string(), v.maxLength(longestLabel));
const payload = v.custom<Uint8Array>((value) => value instanceof Uint8Array);

/** An aligned run of shards: `length` is a power of two and divides `start`. */
export const shardRunSchema = v.strictObject({ start: count, length: count });

/** Where a worker runs: in a process of Node, in a browser, or in many processes behind a relay. */
export const workerKinds = ['node', 'tab', 'relay'] as const;
export type WorkerKind = (typeof workerKinds)[number];

/** What a socket says of itself when it connects, before anything is sent to it. */
export const handshakeSchema = v.object({
  protocol: v.number(),
  name: label,
  kind: v.picklist(workerKinds),
  /** It understands what `memory-messages.ts` says: whoever does not is offered nothing. */
  sharesMemory: v.optional(v.boolean()),
  /** Where the coordinator asks for one; watchers show it, too. */
  token: v.optional(label),
});

/** A piece of the training set to fetch over HTTP: its address is its content. */
const blockSchema = v.strictObject({ sha256: hash, bytes: count });
export const dataManifestSchema = v.strictObject({
  images: v.array(blockSchema),
  labels: v.array(blockSchema),
});
export type DataManifest = v.InferOutput<typeof dataManifestSchema>;

// Coordinator to worker.

const welcome = v.strictObject({
  type: v.literal('welcome'),
  worker: label,
  run: label,
  config: runConfigSchema,
  data: dataManifestSchema,
});

/** Enough workers are here: this one waits as a spare. */
const standby = v.strictObject({ type: v.literal('standby'), shards: count, workers: count });

/** The current weights. Encoded once a version, the same bytes to every worker. */
const weights = v.strictObject({ type: v.literal('weights'), version: count, payload });

/** Of a lease. */
export const mostRuns = 256;

/** Compute these shards of this step at this version of the weights, which was sent before. */
const lease = v.strictObject({
  type: v.literal('lease'),
  epoch: count,
  step: count,
  version: count,
  runs: v.pipe(v.array(shardRunSchema), v.minLength(1), v.maxLength(mostRuns)),
  /** Of local steps, in place of the configured one, where an administrator has changed it. */
  learningRate: v.optional(finite),
});

/** What became of an answer, told where a worker keeps something of it: in its step, or in none. */
const verdict = v.strictObject({
  type: v.literal('verdict'),
  version: count,
  start: count,
  length: count,
  counts: v.boolean(),
});

const refused = v.strictObject({ type: v.literal('refused'), reason: label, detail: label });
const finished = v.strictObject({ type: v.literal('finished'), reason: label });

export const toWorkerSchema = v.variant('type', [
  welcome,
  standby,
  weights,
  lease,
  verdict,
  refused,
  finished,
]);

// Worker to coordinator.

/** The data is here and the engine is proven: leases may come. */
const ready = v.strictObject({
  type: v.literal('ready'),
  engine: label,
  /** Measured on slices of the run's shard size. */
  samplesPerSecond: v.pipe(finite, v.gtValue(0)),
});

export const maxCrewSize = 1_000_000;

/**
 * In place of `ready`, and whenever it changes: a relay has so many workers. With none it hands its leases back, and is
 * given no others.
 */
const crew = v.strictObject({
  type: v.literal('crew'),
  workers: v.pipe(count, v.maxValue(maxCrewSize)),
  /** Theirs, each once. */
  engine: label,
  /** Of all together. */
  samplesPerSecond: v.pipe(finite, v.minValue(0)),
});

/** The sum of the gradients of one leased run of shards. */
const gradient = v.strictObject({
  type: v.literal('gradient'),
  run: label,
  epoch: count,
  step: count,
  version: count,
  start: count,
  length: count,
  /** Samples in the run of shards. */
  samples: count,
  /** NaN passes here, so that it is refused for what it is. */
  lossSum: v.custom<number>((value) => typeof value === 'number'),
  correct: count,
  /** Time in the engine, for the worker's row in the metrics. */
  computeMs: finite,
  payload,
});

/** One of a relay's workers lied: what the relay gave at this version of the weights and later is not to be trusted. */
const retract = v.strictObject({ type: v.literal('retract'), since: count, reason: label });

/** Goodbye: the leases go back at once. */
const leave = v.strictObject({ type: v.literal('leave'), reason: label });

export const fromWorkerSchema = v.variant('type', [ready, crew, gradient, retract, leave]);

export type ToWorker = v.InferOutput<typeof toWorkerSchema>;
export type FromWorker = v.InferOutput<typeof fromWorkerSchema>;
export type GradientMessage = v.InferOutput<typeof gradient>;
export type LeaseMessage = v.InferOutput<typeof lease>;
export type Handshake = v.InferOutput<typeof handshakeSchema>;
export type ShardRun = v.InferOutput<typeof shardRunSchema>;

/** Why a connection or an answer was refused; each has its sentence. */
export const rejectReasons = {
  protocol: 'it speaks another version of the protocol; update tutti on both machines',
  handshake: 'its first message does not say who it is',
  malformed: 'a message does not have the form that the protocol asks for',
  corrupt: 'a message was changed on its way: its checksum does not match',
  foreign: 'the gradient belongs to another run',
  unknown: 'the gradient is for shards that were never leased to this worker',
  stale: 'the gradient was computed at other weights than those of its step',
  late: 'the step was finished before the gradient came',
  duplicate: 'another worker had already answered for these shards',
  engine: 'the run asks for one engine everywhere, and it has another',
  'wrong-length': 'the gradient does not have one value a parameter',
  'wrong-count': 'the gradient does not cover the samples of its shards',
  'not-finite': 'the gradient holds a value that is not a finite number',
  'too-large': 'the gradient is larger than any that training could produce',
  repeats: 'it gives the same answers again and again',
  flood: 'it sends more messages a second than a worker needs',
  slow: 'it was not ready in the time that a worker may take to join',
  expelled: 'an administrator sent it away',
  audit: 'an answer of its own is not what the coordinator came to',
  unexpected: 'a message comes at a time when the protocol has no place for it',
  origin: 'its page was loaded from another site',
  crowd: 'too many come from its address at once',
  plain: 'it does not speak TLS; the address of this coordinator begins with https://',
  'token-missing': 'it has no token; use the link or the command that the coordinator printed',
  'token-wrong': 'its token is not one of this run; ask for the link of this run',
  'token-scope': 'its link is for watching alone; ask for the one to join with',
  'token-ended': 'its link has ended; ask for a new one',
  public: 'this run is open to everybody, so nobody administers it from outside',
  guesses: 'too many wrong tokens came from its address; let it try again in a minute',
  full: 'as many connections as may be are open already',
  strikes: 'it sent three bad messages',
} as const;
export type RejectReason = keyof typeof rejectReasons;

/** Names on the wire. One event carries every message; the union on `type` tells them apart. */
export const workNamespace = '/work';
export const watchNamespace = '/watch';
export const messageEvent = 'message';
