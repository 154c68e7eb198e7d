import assert from 'node:assert/strict';
import { assertUnharmed } from '../promises.ts';
import { startProxy } from '../proxy.ts';
import { openSteadyLab, speedOver, steadySteps } from '../steady-run.ts';
import type { Row } from '../trial.ts';

const maxCost = 0.2;

export const workerLate: Row = {
  number: 6,
  title: 'one of three workers is 2 s late at each step',
  play: async (trial) => {
    const { t, draw, tell } = trial;
    const lab = await openSteadyLab(trial);
    const proxy = await startProxy(t, lab.url, draw);
    lab.startWorkers('one', 'two');
    await lab.allReady();
    const before = await speedOver(lab, steadySteps / 4);
    lab.startWorker('late', { url: proxy.url });
    await lab.ready('late');
    proxy.set({ delayMs: 2000 }, ['up']);
    const after = await speedOver(lab, steadySteps / 2);
    const cost = 1 - after / before;
    tell(`steps/s: ${before.toFixed(2)} without it, ${after.toFixed(2)} with it`);
    await assertUnharmed(lab);
    assert.ok(cost <= maxCost, `it costs the others ${cost} of their speed`);
    return [];
  },
};
