import assert from 'node:assert/strict';
import { setTimeout as passed } from 'node:timers/promises';
import type { Draw } from '../../simulator/draw.ts';
import { type Lab, openLab, type Surroundings } from '../lab.ts';
import { assertUnharmed } from '../promises.ts';
import type { Row } from '../trial.ts';

type Death =
  /** So long after it was started, or after the first step that it saw. */
  | { readonly since: 'start' | 'first step'; readonly afterMs: number }
  /** Instead of that operation on checkpoints, counted from its start. */
  | { readonly diesAt: number };

const maxStartMs = 10_000;

export const coordinatorKilled: Row = {
  number: 4,
  title: 'kill -9 of the coordinator at any instant, then --resume',
  play: async ({ t, draw, tell }) => {
    const deaths = draw.several(2, 5, () => drawDeath(draw));
    for (const death of deaths) tell(deathText(death));
    // So that it nearly always writes one.
    const lab = await openLab(t, {
      serveFlags: ['--checkpoint-every=3'],
      // The first has to say where its run is, which has a checkpoint by then.
      ...surroundingsOf(deaths.at(0), 25),
    });
    lab.startWorkers('one', 'two');
    for (const [index, death] of deaths.entries()) {
      await die(lab, death);
      assert.ok(!lab.isOver, 'the run was over before a death');
      lab.succeed(lab.startRival(surroundingsOf(deaths.at(index + 1))));
    }
    const startedAt = performance.now();
    const { fromVersion } = await lab.coordinator.waitForEvent('run');
    const startMs = performance.now() - startedAt;
    tell(`back at step ${fromVersion} after ${Math.round(startMs)} ms`);
    assert.ok(startMs < maxStartMs, `not ready before ${startMs} ms`);
    await lab.coordinator.waitForEvent('step');
    const recoveryMs = performance.now() - startedAt;
    await assertUnharmed(lab);
    return [recoveryMs];
  },
};

function drawDeath(draw: Draw): Death {
  if (draw.chance(0.4)) return { diesAt: draw.integer(1, 120) };
  // Some die while they read what the one before left behind.
  return draw.chance(0.4)
    ? { since: 'start', afterMs: draw.integer(0, 2000) }
    : { since: 'first step', afterMs: draw.integer(0, 700) };
}

function deathText(death: Death): string {
  return 'diesAt' in death
    ? `killed at operation ${death.diesAt} on checkpoints`
    : `SIGKILL ${death.afterMs} ms after its ${death.since}`;
}

function surroundingsOf(death: Death | undefined, atLeast = 1): Surroundings {
  if (death === undefined || !('diesAt' in death)) return {};
  const diesAt = Math.max(death.diesAt, atLeast);
  return { preload: ['dying-disk.js'], env: { DIES_AT: String(diesAt) } };
}

/** Until it is gone. */
async function die({ coordinator }: Lab, death: Death): Promise<void> {
  if (!('diesAt' in death)) {
    if (death.since === 'first step') await coordinator.waitForEvent('step');
    await passed(death.afterMs);
    coordinator.kill('SIGKILL');
  }
  await coordinator.exit;
}
