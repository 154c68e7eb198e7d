import { setTimeout as passed } from 'node:timers/promises';
import { carryOut, drawStep } from '../faults.ts';
import { openLab } from '../lab.ts';
import { assertUnharmed } from '../promises.ts';
import type { Row } from '../trial.ts';

export const workersReplaced: Row = {
  number: 2,
  title: 'all workers die, others come later',
  play: async (trial) => {
    const { t, draw, tell } = trial;
    const atStep = drawStep(draw, 0.2, 0.6);
    const schedule = ['one', 'two'].map((target) => {
      return { atStep, afterMs: draw.integer(0, 250), target, action: 'SIGKILL' } as const;
    });
    const emptyForMs = draw.integer(500, 3000);
    const lab = await openLab(t);
    lab.startWorkers('one', 'two');
    await lab.allReady();
    await lab.reached(atStep);
    const { lastSeq } = lab;
    await carryOut(schedule, lab, trial);
    const wait = await lab.coordinator.waitForEvent('waiting', ({ cause, seq }) => {
      return cause === 'workers' && seq > lastSeq;
    });
    tell(`${wait.text}; others start in ${emptyForMs} ms`);
    await passed(emptyForMs);
    lab.startWorkers('three', 'four');
    await Promise.any([lab.ready('three'), lab.ready('four')]);
    const readyAt = performance.now();
    await lab.coordinator.waitForEvent('step', ({ seq }) => seq > wait.seq);
    const recoveryMs = performance.now() - readyAt;
    await assertUnharmed(lab);
    return [recoveryMs];
  },
};
