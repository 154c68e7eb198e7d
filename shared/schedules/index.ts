// The registry of learning-rate schedules: a new one is a file here and a line below.
import type { Schedule } from '../contracts.ts';
import { constant } from './constant.ts';
import { cosine } from './cosine.ts';
import { step } from './step.ts';

export interface ScheduleOptions {
  /** `step`: the rate is multiplied by `decay` every `decaySteps` steps. */
  readonly decay: number;
  readonly decaySteps: number;
}

export const schedules = {
  constant,
  step,
  cosine,
} satisfies Record<string, (options: ScheduleOptions) => Schedule>;

export type ScheduleName = keyof typeof schedules;
export const scheduleNames = Object.keys(schedules) as ScheduleName[];

/** Linear warm-up in front of any schedule: the k-th of the first steps, from 1, uses k/steps of the rate. */
export function withWarmup(schedule: Schedule, warmupSteps: number): Schedule {
  return (at, totalSteps) =>
    at < warmupSteps
      ? (at + 1) / warmupSteps
      : schedule(at - warmupSteps, Math.max(1, totalSteps - warmupSteps));
}

export interface LearningRateOptions {
  readonly optimizer: { readonly learningRate: number };
  readonly schedule: {
    readonly name: ScheduleName;
    readonly decay: number;
    readonly decayEpochs: number;
    readonly warmupSteps: number;
  };
}

/** The learning rate of the step that follows `version` committed ones. */
export function learningRateOf(
  { optimizer, schedule }: LearningRateOptions,
  { stepsPerEpoch, totalSteps }: { readonly stepsPerEpoch: number; readonly totalSteps: number },
): (version: number) => number {
  const { name, decay, decayEpochs, warmupSteps } = schedule;
  const shape = schedules[name]({ decay, decaySteps: decayEpochs * stepsPerEpoch });
  const factor = withWarmup(shape, warmupSteps);
  return (version) => optimizer.learningRate * factor(version, totalSteps);
}
