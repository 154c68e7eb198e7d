import assert from 'node:assert/strict';
import { setTimeout as passed } from 'node:timers/promises';
import type { Draw } from '../../simulator/draw.ts';
import { openLab } from '../lab.ts';
import { assertUnharmed } from '../promises.ts';
import type { Row } from '../trial.ts';

/** When a coordinator dies: so long after it was started, or after the first step that it saw. */
interface Death {
  readonly afterMs: number;
  readonly since: 'start' | 'first step';
}

const maxStartMs = 10_000;

export const coordinatorKilled: Row = {
  number: 4,
  title: 'kill -9 of the coordinator at any instant, then --resume',
  play: async ({ t, draw, tell }) => {
    // The first has to say where its run is; it may be writing its first checkpoint then.
    const first: Death = { afterMs: draw.integer(0, 50), since: 'start' };
    const deaths = [
      ...(draw.chance(0.3) ? [first] : []),
      ...draw.several(2, 4, () => drawDeath(draw)),
    ];
    for (const { afterMs, since } of deaths) tell(`SIGKILL ${afterMs} ms after its ${since}`);
    // So that it nearly always writes one.
    const lab = await openLab(t, { serveFlags: ['--checkpoint-every=3'] });
    lab.startWorkers('one', 'two');
    for (const { afterMs, since } of deaths) {
      if (since === 'first step') await lab.coordinator.waitForEvent('step').catch(() => undefined);
      await passed(afterMs);
      if (lab.isOver) break;
      lab.coordinator.kill('SIGKILL');
      await lab.coordinator.exit;
      lab.succeed();
    }
    const startedAt = performance.now();
    const { fromVersion, totalSteps } = await lab.coordinator.waitForEvent('run');
    const startMs = performance.now() - startedAt;
    tell(`back at step ${fromVersion} after ${Math.round(startMs)} ms`);
    assert.ok(startMs < maxStartMs, `not ready before ${startMs} ms`);
    if (fromVersion < totalSteps) await lab.coordinator.waitForEvent('step');
    const recoveryMs = performance.now() - startedAt;
    await assertUnharmed(lab);
    return [recoveryMs];
  },
};

function drawDeath(draw: Draw): Death {
  // Some die while they read what the one before left behind.
  return draw.chance(0.3)
    ? { afterMs: draw.integer(0, 4000), since: 'start' }
    : { afterMs: draw.integer(0, 1000), since: 'first step' };
}
