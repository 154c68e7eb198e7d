import assert from 'node:assert/strict';
import { exitCodes } from '../../../deploy/exit-codes.ts';
import type { Tutti } from '../../support.ts';
import { drawStep } from '../faults.ts';
import { openLab } from '../lab.ts';
import { assertUnharmed } from '../promises.ts';
import type { Row } from '../trial.ts';

export const twoCoordinators: Row = {
  number: 18,
  title: 'two coordinators on one run folder, alive and as heirs',
  play: async ({ t, draw }) => {
    const lab = await openLab(t);
    lab.startWorkers('one', 'two');
    await lab.reached(drawStep(draw, 0, 0.3));
    const anyPort = '0';
    assert.equal(await refusalOf(lab.startRival({}, anyPort)), exitCodes.run.status);
    await lab.reached(drawStep(draw, 0.3, 0.6));
    lab.coordinator.kill('SIGKILL');
    const diedAt = performance.now();
    await lab.coordinator.exit;
    // Both find the same dead holder, at nearly the same time.
    const heirs = [lab.startRival(), lab.startRival()];
    const winner = await Promise.any(
      heirs.map((heir) => heir.waitForEvent('run').then(() => heir)),
    );
    lab.succeed(winner);
    for (const heir of heirs) if (heir !== winner) await refusalOf(heir);
    await winner.waitForEvent('step');
    const recoveryMs = performance.now() - diedAt;
    await assertUnharmed(lab);
    return [recoveryMs];
  },
};

/** Whoever comes second finds the port taken, and where it takes another one, the run. */
async function refusalOf(coordinator: Tutti): Promise<number | null> {
  const status = await coordinator.exit;
  const isTold =
    status === exitCodes.address.status
      ? /is in use by another program/
      : /is in use by process \d+/;
  assert.match(coordinator.stderr, isTold);
  return status;
}
