// How a run sends its numbers, and how often, when all that is said is the line that its workers are behind. Chosen once,
// before the run is made: the result depends on it, so it is part of the configuration and stays.
import type { LoadedDataset } from '../coordinator/dataset-files.ts';
import { modelOf } from '../shared/config.ts';
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
  /** Of the line, each way. */
  readonly bytesPerSecond: number;
  /** Samples of a worker in a step, or in a local one, and how many it computes a second. */
  readonly samplesPerStep: number;
  readonly localSamplesPerStep: number;
  readonly samplesPerSecond: number;
}

export interface Choice {
  readonly syncing: Syncing;
  /** Of each step, or round: for the weights to come and the gradient to go, and for what lies between. */
  readonly exchangeSeconds: number;
  readonly computeSeconds: number;
}

/** The mildest with which workers wait for their line no longer than they compute; else what sends the least. */
export function chooseSyncing(exchange: Exchange, choices: readonly Syncing[] = syncings): Choice {
  const timed = choices.map((syncing) => timesOf(exchange, syncing));
  const isFair = ({ exchangeSeconds, computeSeconds }: Choice) => exchangeSeconds <= computeSeconds;
  return timed.find(isFair) ?? timed[timed.length - 1];
}

function timesOf(exchange: Exchange, syncing: Syncing): Choice {
  const { parameterCount, bytesPerSecond, samplesPerSecond } = exchange;
  const { codec, weightsCodec, localSteps: steps } = syncing;
  const bytes = valueBytes[codec] + valueBytes[weightsCodec];
  const samples = steps === 1 ? exchange.samplesPerStep : steps * exchange.localSamplesPerStep;
  return {
    syncing,
    exchangeSeconds: (parameterCount * bytes) / bytesPerSecond,
    computeSeconds: samples / samplesPerSecond,
  };
}

/** A core of a laptop computes two thousand samples a second with the 415,310 parameters of the reference network. */
const parametersPerSecond = 8e8;
const chosenFlags = ['codec', 'weightsCodec', 'topK', 'sync', 'localSteps'] as const;

/** The flags with what was chosen for their line, and why, for people. Throws CliError. */
export function withChoiceForLine(
  { line, ...flags }: ConfigFlags,
  loaded: LoadedDataset,
): { readonly flags: ConfigFlags; readonly notices: readonly string[] } {
  if (line === undefined) return { flags, notices: [] };
  const bytesPerSecond = parseRate(line);
  const given = chosenFlags.find((name) => flags[name] !== undefined);
  if (given !== undefined) {
    throw new CliError('usage', `--line chooses --${kebabCase(given)}: say one or the other.`);
  }
  const { batchSize, optimizer, ...config } = configOf(flags, loaded);
  const { parameterCount } = modelOf(config);
  const choice = chooseSyncing(
    {
      parameterCount,
      bytesPerSecond,
      samplesPerStep: batchSize / (flags.expectWorkers ?? defaultExpectWorkers),
      localSamplesPerStep: batchSize,
      samplesPerSecond: parametersPerSecond / parameterCount,
    },
    // The moments of others would begin anew with every round.
    syncings.filter(({ localSteps }) => localSteps === 1 || optimizer.name === 'sgd'),
  );
  const { localSteps, ...wire } = choice.syncing;
  const isLocal = localSteps > 1;
  return {
    flags: { ...flags, ...wire, ...(isLocal && { sync: 'local', localSteps }) },
    notices: [noticeOf(line, choice)],
  };
}

function noticeOf(line: string, { syncing, exchangeSeconds, computeSeconds }: Choice): string {
  const { codec, weightsCodec, localSteps } = syncing;
  const [often, step] =
    localSteps === 1
      ? ['sync at every step', 'A step']
      : [`sync every ${localSteps} local steps`, 'A round'];
  const seconds = (time: number) => `${time.toPrecision(2)} s`;
  return (
    `For a line of ${line} gradients travel as ${codec}, weights as ${weightsCodec}, and workers ` +
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
