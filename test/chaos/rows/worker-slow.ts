import assert from 'node:assert/strict';
import { carryOut } from '../faults.ts';
import { assertUnharmed } from '../promises.ts';
import { openSteadyLab, speedOver, steadySteps } from '../steady-run.ts';
import type { Row } from '../trial.ts';

const leastShare = 0.85;
/** In which its new speed has to be found out. */
const stepsToAdapt = 10;

export const workerSlow: Row = {
  number: 6,
  title: 'one of three workers becomes ten times slower',
  play: async (trial) => {
    const { draw, tell } = trial;
    const atStep = draw.integer(15, 25);
    const lab = await openSteadyLab(trial);
    lab.startWorkers('one');
    await lab.allReady();
    const alone = await speedOver(lab, 4);
    lab.startWorkers('two', 'three');
    await lab.allReady();
    await carryOut([{ atStep, afterMs: 0, target: 'three', action: 'SIGUSR2' }], lab, trial);
    const slowedAt = performance.now();
    await speedOver(lab, stepsToAdapt);
    const adaptedMs = performance.now() - slowedAt;
    const together = await speedOver(lab, steadySteps / 3);
    const share = together / (2.1 * alone);
    tell(
      `steps/s: ${alone.toFixed(2)} alone, ${together.toFixed(2)} together: ${(100 * share).toFixed(0)} %`,
    );
    await assertUnharmed(lab);
    assert.ok(share >= leastShare, `together they reach ${share} of the sum of their speeds`);
    return [adaptedMs];
  },
};
