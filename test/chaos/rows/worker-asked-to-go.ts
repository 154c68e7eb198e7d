import assert from 'node:assert/strict';
import { carryOut, drawStep } from '../faults.ts';
import { openLab } from '../lab.ts';
import { assertUnharmed } from '../promises.ts';
import type { Row } from '../trial.ts';

/** Leases that nobody hands back are not given to others before this. */
const leaseFloorMs = 1000;

export const workerAskedToGo: Row = {
  number: 3,
  title: 'SIGTERM or SIGINT of a worker: it hands its leases back',
  play: async (trial) => {
    const { t, draw } = trial;
    const target = draw.pick(['one', 'two', 'three']);
    const fault = {
      atStep: drawStep(draw, 0.2, 0.6),
      afterMs: draw.integer(0, 250),
      target,
      action: draw.pick(['SIGTERM', 'SIGINT'] as const),
    };
    const lab = await openLab(t);
    lab.startWorkers('one', 'two', 'three');
    const pulse = lab.takePulse();
    await lab.allReady();
    const [at] = await carryOut([fault], lab, trial);
    assert.equal(await lab.worker(target).exit, 130);
    await assertUnharmed(lab);
    const { action, reason } = (await lab.storyOf(target)).at(-1)!;
    assert.deepEqual([action, reason], ['left', 'its process was asked to end']);
    const pauseMs = pulse.longestPause(at, at + leaseFloorMs);
    assert.ok(pauseMs < leaseFloorMs, `its leases were waited for: ${pauseMs} ms`);
    return [pauseMs];
  },
};
