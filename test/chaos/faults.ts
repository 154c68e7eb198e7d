// What goes wrong, when and for whom, as data: it follows from a seed and can be read before it happens.
import { setTimeout as passed } from 'node:timers/promises';
import type { Draw } from '../simulator/draw.ts';
import { type Lab, smallRunSteps } from './lab.ts';
import type { Trial } from './trial.ts';

/** SIGUSR2 makes a steady computer slower. */
export type Action = 'start' | 'SIGKILL' | 'SIGTERM' | 'SIGINT' | 'SIGSTOP' | 'SIGCONT' | 'SIGUSR2';

export interface Fault {
  /** When the run has committed so many steps ... */
  readonly atStep: number;
  /** ... and so much time has passed since. */
  readonly afterMs: number;
  /** A worker, by name. */
  readonly target: string;
  readonly action: Action;
}

function describeFault({ atStep, afterMs, target, action }: Fault): string {
  return `step ${atStep} + ${afterMs} ms: ${action} ${target}`;
}

/** Does all of it at its time; resolves to when each fault came about, on the clock of `performance.now()`. */
export async function carryOut(
  schedule: readonly Fault[],
  lab: Lab,
  { tell }: Trial,
): Promise<number[]> {
  for (const fault of schedule) tell(describeFault(fault));
  return Promise.all(
    schedule.map(async (fault) => {
      await lab.reached(fault.atStep);
      await passed(fault.afterMs);
      if (lab.isOver) throw new Error(`the run was over before this: ${describeFault(fault)}`);
      if (fault.action === 'start') lab.startWorker(fault.target);
      else lab.worker(fault.target).kill(fault.action);
      return performance.now();
    }),
  );
}

/** A step between these fractions of a small run. */
export function drawStep(draw: Draw, from: number, to: number): number {
  return draw.integer(Math.round(from * smallRunSteps), Math.round(to * smallRunSteps));
}
