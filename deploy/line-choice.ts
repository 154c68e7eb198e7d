// How a run sends its numbers, and how often, when all that is said is the line that its workers are behind. Chosen once,
// before the run is made: the result depends on it, so it is part of the configuration and stays.
import type { LoadedDataset } from '../coordinator/dataset-files.ts';
import type { MeasuredLine } from '../coordinator/survey-core.ts';
import { modelOf, type RunConfig } from '../shared/config.ts';
import { kebabCase } from './command.ts';
import { CliError } from './exit-codes.ts';
import { type ConfigFlags, configOf, defaultExpectWorkers } from './run-options.ts';

export interface Syncing {
  readonly codec: keyof typeof valueBytes;
  readonly weightsCodec: keyof typeof valueBytes;
  /** 1: at every step. */
  readonly localSteps: number;
}

/** Bytes that a value travels in. */
export const valueBytes = {
  float32: 4,
  bfloat16: 2,
  float16: 2,
  // A scale for 128 values.
  int8: 1 + 4 / 128,
} as const;

const wires = [
  { codec: 'float32', weightsCodec: 'float32' },
  { codec: 'bfloat16', weightsCodec: 'bfloat16' },
  { codec: 'int8', weightsCodec: 'float16' },
] as const;
/** None of these lost accuracy on MNIST. */
const localSteps = [1, 8, 16, 32];

/** From what leaves training as it is to what changes it the most. */
export const syncings: readonly Syncing[] = localSteps.flatMap((steps) =>
  wires.map((wire) => ({ ...wire, localSteps: steps })),
);

export interface Exchange {
  readonly parameterCount: number;
  /** Of the line, to the coordinator and from it. */
  readonly upBytesPerSecond: number;
  readonly downBytesPerSecond: number;
  /** There and back. */
  readonly latencySeconds: number;
  /** Samples of a worker in a step, or in a local one, and how many it computes a second. */
  readonly samplesPerStep: number;
  readonly localSamplesPerStep: number;
  readonly samplesPerSecond: number;
}

export interface Choice<Of extends Exchange = Exchange> {
  readonly syncing: Syncing;
  /** Who waits the longest for what it computes. */
  readonly exchange: Of;
  /** Of each step, or round: for the weights to come and the gradient to go, and for what lies between. */
  readonly exchangeSeconds: number;
  readonly computeSeconds: number;
}

/** The mildest with which nobody waits for its line longer than it computes; else what sends the least. */
export function chooseSyncing<Of extends Exchange>(
  exchanges: readonly [Of, ...Of[]],
  choices: readonly Syncing[] = syncings,
): Choice<Of> {
  const timed = choices.map((syncing) => {
    const all = exchanges.map((exchange) => timesOf(exchange, syncing));
    return all.reduce((worst, one) => (waitOf(one) > waitOf(worst) ? one : worst));
  });
  return timed.find((choice) => waitOf(choice) <= 1) ?? timed[timed.length - 1];
}

function waitOf({ exchangeSeconds, computeSeconds }: Choice): number {
  return exchangeSeconds / computeSeconds;
}

function timesOf<Of extends Exchange>(exchange: Of, syncing: Syncing): Choice<Of> {
  const { parameterCount, upBytesPerSecond, downBytesPerSecond, samplesPerSecond } = exchange;
  const { codec, weightsCodec, localSteps: steps } = syncing;
  const up = valueBytes[codec] / upBytesPerSecond;
  const down = valueBytes[weightsCodec] / downBytesPerSecond;
  const samples = steps === 1 ? exchange.samplesPerStep : steps * exchange.localSamplesPerStep;
  return {
    syncing,
    exchange,
    exchangeSeconds: exchange.latencySeconds + parameterCount * (up + down),
    computeSeconds: samples / samplesPerSecond,
  };
}

/** A core of a laptop computes two thousand samples a second with the 415,310 parameters of the reference network. */
const parametersPerSecond = 8e8;
const chosenFlags = ['codec', 'weightsCodec', 'topK', 'sync', 'localSteps'] as const;

/** Flags with what was chosen for a line, and why, for people. */
export interface Chosen {
  readonly flags: ConfigFlags;
  readonly notices: readonly string[];
}

/** The flags as they are where no line is named. Throws CliError. */
export function withChoiceForLine({ line, ...flags }: ConfigFlags, loaded: LoadedDataset): Chosen {
  if (line === undefined) return { flags, notices: [] };
  const bytesPerSecond = parseRate(line);
  refuseChosen('--line', flags, chosenFlags);
  const { parameterCount } = modelOf(configOf(flags, loaded));
  const worst = {
    workers: 1,
    samplesPerSecond: parametersPerSecond / parameterCount,
    latencySeconds: 0,
    upBytesPerSecond: bytesPerSecond,
    downBytesPerSecond: bytesPerSecond,
  };
  return withChoice(flags, loaded, [worst], () => `For a line of ${line}`);
}

/** `--sync auto`: throws CliError for what it chooses itself. */
export function refuseChosenBeside(flags: ConfigFlags): void {
  refuseChosen('--sync auto', flags, ['line', ...chosenFlags.filter((name) => name !== 'sync')]);
}

/** With none, nothing is chosen. */
export function withChoiceForLines(
  { sync: _, ...flags }: ConfigFlags,
  loaded: LoadedDataset,
  lines: readonly MeasuredLine[],
): Chosen {
  const [first, ...others] = lines;
  if (first === undefined) return { flags, notices: [nobody] };
  return withChoice(flags, loaded, [first, ...others], (worst) => measuredText(worst, lines));
}

/** What was chosen when the run began. */
export function withChoiceOf({ codecs, sync }: RunConfig, flags: ConfigFlags): ConfigFlags {
  const { gradients: codec, weights: weightsCodec } = codecs;
  const { localSteps } = sync.mode === 'local' ? sync : {};
  return { ...flags, sync: sync.mode, localSteps, codec, weightsCodec };
}

function withChoice<Line extends Omit<MeasuredLine, 'name'>>(
  flags: ConfigFlags,
  loaded: LoadedDataset,
  lines: readonly [Line, ...Line[]],
  reasonOf: (worst: Line) => string,
): Chosen {
  const { batchSize, optimizer, ...config } = configOf(flags, loaded);
  const { parameterCount } = modelOf(config);
  const exchangeOf = (line: Line) => ({
    ...line,
    parameterCount,
    // A relay exchanges once for all of its workers.
    samplesPerStep: (line.workers * batchSize) / (flags.expectWorkers ?? defaultExpectWorkers),
    localSamplesPerStep: line.workers * batchSize,
  });
  const [first, ...others] = lines;
  const choice = chooseSyncing(
    [exchangeOf(first), ...others.map(exchangeOf)],
    // The moments of others would begin anew with every round.
    syncings.filter(({ localSteps }) => localSteps === 1 || optimizer.name === 'sgd'),
  );
  const { localSteps, ...wire } = choice.syncing;
  const isLocal = localSteps > 1;
  return {
    flags: { ...flags, ...wire, ...(isLocal && { sync: 'local', localSteps }) },
    notices: [noticeOf(reasonOf(choice.exchange), choice)],
  };
}

function refuseChosen(
  chooser: string,
  flags: ConfigFlags,
  names: readonly (keyof ConfigFlags)[],
): void {
  const given = names.find((name) => flags[name] !== undefined);
  if (given === undefined) return;
  throw new CliError('usage', `${chooser} chooses --${kebabCase(given)}: say one or the other.`);
}

function measuredText(worst: MeasuredLine, lines: readonly MeasuredLine[]): string {
  const { name, upBytesPerSecond, downBytesPerSecond, latencySeconds, samplesPerSecond } = worst;
  const figures = [
    `${rateText(upBytesPerSecond)} up`,
    `${rateText(downBytesPerSecond)} down`,
    `${(1000 * latencySeconds).toPrecision(2)} ms there and back`,
    `${Math.round(samplesPerSecond)} samples/s`,
  ];
  const whose = lines.length === 1 ? name : `${name}, who waits the most of ${lines.length}`;
  return `Measured ${figures.join(', ')} (${whose}):`;
}

const nobody =
  'Nobody answered in time to be measured: workers sync at every step, in float32, as without --sync auto.';

function rateText(bytesPerSecond: number): string {
  return `${Number(((8 * bytesPerSecond) / bitsOfUnit.m).toPrecision(2))} Mbit/s`;
}

function noticeOf(reason: string, { syncing, exchangeSeconds, computeSeconds }: Choice): string {
  const { codec, weightsCodec, localSteps } = syncing;
  const [often, step] =
    localSteps === 1
      ? ['sync at every step', 'A step']
      : [`sync every ${localSteps} local steps`, 'A round'];
  const seconds = (time: number) => `${time.toPrecision(2)} s`;
  return (
    `${reason} gradients travel as ${codec}, weights as ${weightsCodec}, and workers ` +
    `${often}. ${step} takes ${seconds(exchangeSeconds)} of the line and about ` +
    `${seconds(computeSeconds)} of computing.`
  );
}

const bitsOfUnit = { k: 1e3, m: 1e6, g: 1e9 } as const;

/** `20mbit`, `1gbit` or `500kbit`, in bytes a second. Throws CliError. */
export function parseRate(text: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)([kmg])bit$/.exec(text) ?? [];
  const bits = Number(amount) * (bitsOfUnit[unit as keyof typeof bitsOfUnit] ?? 0);
  if (bits > 0) return bits / 8;
  throw new CliError('usage', `"${text}" is not the rate of a line.`, {
    hint: 'Examples: 500kbit, 20mbit, 1gbit',
  });
}
