// The stream that people and programs watch: every fact of a run as one event, published and versioned.
import * as v from 'valibot';
import { runConfigSchema } from './config.ts';
import { controlKinds } from './controls.ts';
import { workerKinds } from './protocol.ts';

/** Raised when a field changes its meaning or goes; new fields and new events keep it. */
export const apiVersion = 1;

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
/** Since the run began; bytes since its coordinator was started last. */
const counters = v.object({
  /** Samples in committed steps: the only ones that any speed is counted in. */
  samplesCommitted: count,
  /** Samples computed and not used: second copies, late answers and refused ones. */
  samplesWasted: count,
  gradientsAccepted: count,
  gradientsDuplicate: count,
  gradientsLate: count,
  gradientsRejected: count,
  bytesIn: count,
  bytesOut: count,
  /** Training data among them, as it was sent. */
  dataBytesOut: v.optional(count, 0),
});
/** Samples of one worker in the committed steps of an epoch, since this coordinator started. */
const contribution = v.object({
  worker: v.string(),
  name: v.string(),
  kind: v.optional(v.picklist(workerKinds)),
  samples: count,
});
const common = {
  /**
   * Position in the stream, from 1, each once and in order. It rises by one, and by up to a million where the
   * coordinator was started again: what it told last may have been lost with it.
   */
  seq: count,
  /** Wall-clock time, ISO 8601. */
  time: v.string(),
};

/** Training images of an epoch, as the ledger counts them: each must be in exactly one committed step. */
const epochLedger = v.object({
  /** Different ones in committed steps. */
  seen: count,
  /** In none. */
  lost: count,
  /** In more than one. */
  twice: count,
});

/** A run starts or resumes. Whatever was told of later versions than `fromVersion` is undone. */
const runEvent = v.object({
  type: v.literal('run'),
  ...common,
  apiVersion: v.literal(apiVersion),
  run: v.string(),
  config: runConfigSchema,
  parameterCount: count,
  stepsPerEpoch: count,
  totalSteps: count,
  /** Where workers and watchers connect. */
  url: v.string(),
  runDirectory: v.string(),
  /** Version (committed steps) that the run goes on from: 0 for a new one. */
  fromVersion: count,
});

/** Somebody came, went, or changed what they do. `workers` is how many are ready afterwards. */
const workerEvent = v.object({
  type: v.literal('worker'),
  ...common,
  worker: v.string(),
  name: v.string(),
  kind: v.optional(v.picklist(workerKinds)),
  action: v.picklist(['joined', 'ready', 'standby', 'late', 'left', 'expelled', 'rejected']),
  engine: v.optional(v.string()),
  /** How many compute for it, where it is a relay. */
  behind: v.optional(count),
  reason: v.optional(v.string()),
  workers: count,
});

/** The workers that are here: at most once a second, and so that no more than 40 rows a second are told. */
const workersEvent = v.object({
  type: v.literal('workers'),
  ...common,
  rows: v.array(
    v.object({
      worker: v.string(),
      name: v.string(),
      kind: v.picklist(workerKinds),
      engine: v.optional(v.string()),
      /** How many compute for it, where it is a relay. */
      behind: v.optional(count),
      /** `idle`: ready, and its answers are not needed at present. */
      state: v.picklist(['preparing', 'working', 'idle', 'late']),
      /** Of committed samples, over the last seconds. */
      samplesPerSecond: v.number(),
      /** Of all workers' speed, from 0 to 1. */
      share: v.number(),
      /** Of its last lease: time in the engine, as it says itself, and all other time from lease to last answer. */
      computeMs: v.optional(v.number()),
      networkMs: v.optional(v.number()),
      /** How long its lease is overdue, by its own speed; 0 while it is on time. */
      lagMs: v.number(),
      /** Since it joined: committed samples, and what became of its answers. */
      samples: count,
      accepted: count,
      duplicate: count,
      late: count,
      rejected: count,
      bytesIn: count,
      bytesOut: count,
    }),
  ),
});

/**
 * Progress, at most a few a second. Loss and accuracy are those of the last committed step, which with local steps is
 * a round.
 */
const stepEvent = v.object({
  type: v.literal('step'),
  ...common,
  /** From 1. */
  epoch: count,
  /** Committed steps of this epoch. */
  step: count,
  stepsPerEpoch: count,
  /** Committed steps of the run: the version of the weights. */
  version: count,
  loss: v.number(),
  accuracy: v.number(),
  /** Of the last local step, in a round. */
  learningRate: v.number(),
  samplesPerSecond: v.number(),
  /** Until the last step, at the current speed. Absent while it is unknown. */
  etaSeconds: v.optional(v.number()),
  workers: count,
  /** Committed samples of the epoch so far, by worker. */
  contributions: v.optional(v.record(v.string(), count)),
  /** Of this epoch so far. */
  ledger: v.pick(epochLedger, ['seen', 'twice']),
  counters,
});

/** The run stands still, and why; `cause: "none"` when it goes on. */
const waitingEvent = v.object({
  type: v.literal('waiting'),
  ...common,
  cause: v.picklist(['none', 'workers', 'shard', 'checkpoint', 'evaluation', 'paused']),
  /** For people: "waiting for workers: 0 of 2 expected". */
  text: v.string(),
});

/** An epoch is committed and its weights are evaluated. */
const epochEvent = v.object({
  type: v.literal('epoch'),
  ...common,
  /** From 1. */
  epoch: count,
  epochs: count,
  version: count,
  /** Means over the samples of the epoch, each at the weights of its step. */
  trainLoss: v.number(),
  trainAccuracy: v.number(),
  /** Of the average of the weights, where the run keeps one. */
  testLoss: v.number(),
  testAccuracy: v.number(),
  /** Training time, without the evaluation. */
  seconds: v.number(),
  /** Committed samples. */
  samples: count,
  samplesPerSecond: v.number(),
  workers: count,
  /** Who computed it, the largest part first. */
  contributions: v.optional(v.array(contribution)),
  ledger: epochLedger,
  counters,
  /** SHA-256 of the flat float32 weights, little-endian: those that training goes on with, never their average. */
  weightsHash: hash,
  /** Rows are labels, columns answers. */
  confusion: v.array(v.array(count)),
});

const checkpointEvent = v.object({
  type: v.literal('checkpoint'),
  ...common,
  version: count,
  path: v.string(),
  seconds: v.number(),
  /** Set when it could not be written; training goes on and the one before it stands. */
  error: v.optional(v.string()),
});

/** An administrator has changed how the run goes on. */
const controlEvent = v.object({
  type: v.literal('control'),
  ...common,
  kind: v.picklist(controlKinds),
  /** Who, as they call themselves. */
  by: v.string(),
  /** Committed steps at that moment; of `rate`, those before the first step that it is used in. */
  fromVersion: count,
  /** Of `rate`: in place of the configured one, before the schedule's factor. */
  learningRate: v.optional(v.number()),
  /** Of `expel`. */
  worker: v.optional(v.string()),
  name: v.optional(v.string()),
  reason: v.optional(v.string()),
});

/** What became of the audits since this coordinator was started: at most once a second. */
const auditsEvent = v.object({
  type: v.literal('audits'),
  ...common,
  /** Answers that were computed again. */
  checked: count,
  /** Of those: further off than engines are as a rule, and not far enough to be sure of a lie. */
  unclear: count,
  /** Of those: their workers were expelled. */
  wrong: count,
  /** Drawn to be computed again, and passed over because too many waited. */
  skipped: count,
});

/** Something a person should know, and what to do about it. */
const noticeEvent = v.object({
  type: v.literal('notice'),
  ...common,
  level: v.picklist(['info', 'warning']),
  message: v.string(),
});

const endEvent = v.object({
  type: v.literal('end'),
  ...common,
  reason: v.picklist(['completed', 'stopped', 'diverged', 'failed']),
  /** What went wrong on the way out: the weights are not where they should be. */
  message: v.optional(v.string()),
  /** Whole epochs committed. */
  epochs: count,
  version: count,
  /** Of the last evaluation; absent before the first. */
  testAccuracy: v.optional(v.number()),
  weightsHash: hash,
  runDirectory: v.string(),
  counters,
});

export const runEventSchema = v.variant('type', [
  runEvent,
  workerEvent,
  workersEvent,
  stepEvent,
  waitingEvent,
  epochEvent,
  checkpointEvent,
  controlEvent,
  auditsEvent,
  noticeEvent,
  endEvent,
]);

/** For those who compute and only want to know how far it is: the schema of all events is large for a phone. */
export const progressEventSchema = v.variant('type', [
  runEvent,
  workerEvent,
  stepEvent,
  waitingEvent,
  epochEvent,
  endEvent,
]);

export type RunEvent = v.InferOutput<typeof runEventSchema>;
export type RunEventOf<Type extends RunEvent['type']> = Extract<RunEvent, { type: Type }>;
/** An event before the log gives it its place and time. */
export type NewRunEvent = RunEvent extends infer Event
  ? Event extends RunEvent
    ? Omit<Event, 'seq' | 'time'>
    : never
  : never;
export type Contribution = v.InferOutput<typeof contribution>;
export type Counters = RunEventOf<'end'>['counters'];
export type WorkerRow = RunEventOf<'workers'>['rows'][number];
export type EpochLedger = RunEventOf<'epoch'>['ledger'];
