import type { Schedule } from '../contracts.ts';
import type { ScheduleOptions } from './index.ts';

/** Multiplies the rate by `decay` every `decaySteps` steps, as torch.optim.lr_scheduler.StepLR does. */
export const step =
  ({ decay, decaySteps }: ScheduleOptions): Schedule =>
  (at) =>
    decay ** Math.floor(at / decaySteps);
