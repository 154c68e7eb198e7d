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
    await assertRefused(lab.startRival());
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
    for (const heir of heirs) if (heir !== winner) await assertRefused(heir);
    await winner.waitForEvent('step');
    const recoveryMs = performance.now() - diedAt;
    await assertUnharmed(lab);
    return [recoveryMs];
  },
};

async function assertRefused(coordinator: Tutti): Promise<void> {
  assert.equal(await coordinator.exit, exitCodes.run.status);
  assert.match(coordinator.stderr, /is in use by process \d+/);
}
