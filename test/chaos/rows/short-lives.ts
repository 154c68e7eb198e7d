import assert from 'node:assert/strict';
import { setTimeout as passed } from 'node:timers/promises';
import type { Draw } from '../../simulator/draw.ts';
import { type Lab, longerRun, longerRunSteps, openLab } from '../lab.ts';
import { type ProcessUse, useOf } from '../process-use.ts';
import { assertUnharmed } from '../promises.ts';
import type { Row } from '../trial.ts';

interface Life {
  readonly name: string;
  /** Counted from when it can compute. */
  readonly ms: number;
  readonly end: 'SIGKILL' | 'SIGTERM';
}

const places = 3;
const maxGrowthBytes = 50e6;

export const shortLives: Row = {
  number: 17,
  title: 'workers that live 1-5 s each, three at a time',
  play: async ({ t, draw, tell }) => {
    const lives = Array.from({ length: places }, (_, place) => drawLives(draw, place));
    const lab = await openLab(t, { flags: longerRun });
    const { pid } = lab.coordinator;
    const generations = lives.map((place) => liveInTurn(lab, place));
    await lab.reached(longerRunSteps * 0.1);
    const before = await useOf(pid);
    await lab.reached(longerRunSteps * 0.9);
    const growth = growthBetween(before, await useOf(pid));
    await assertUnharmed(lab);
    await Promise.all(generations);
    tell(`${lab.workers.size} workers; the coordinator grew by ${JSON.stringify(growth)}`);
    assert.ok(growth.bytes < maxGrowthBytes && growth.open <= places, 'the coordinator leaks');
    return [];
  },
};

function drawLives(draw: Draw, place: number): Life[] {
  return Array.from({ length: 100 }, (_, turn) => {
    const end = draw.pick(['SIGKILL', 'SIGTERM'] as const);
    return { name: `${place + 1}-${turn + 1}`, ms: draw.integer(1000, 5000), end };
  });
}

/** One after the other, until the run is over. */
async function liveInTurn(lab: Lab, lives: readonly Life[]): Promise<void> {
  const over = lab.coordinator.exit.then(() => 'over' as const);
  for (const { name, ms, end } of lives) {
    const worker = lab.startWorker(name);
    const life = lab.ready(name).then(
      () => passed(ms),
      () => over,
    );
    if ((await Promise.race([life, over])) === 'over') return;
    worker.kill(end);
    await worker.exit;
  }
}

function growthBetween(before: ProcessUse, after: ProcessUse): ProcessUse {
  return { bytes: after.bytes - before.bytes, open: after.open - before.open };
}
