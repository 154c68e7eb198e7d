import assert from 'node:assert/strict';
import type { Draw } from '../../simulator/draw.ts';
import { carryOut, drawStep, type Fault } from '../faults.ts';
import { longerRun, openLab, smallRun } from '../lab.ts';
import { assertUnharmed } from '../promises.ts';
import type { Row } from '../trial.ts';

/** A death may cost this much time; a lease alone lasts longer. */
const maxLostMs = 1000;

interface Plague {
  readonly flags: readonly string[];
  readonly draw: (draw: Draw) => Fault[];
}

const plagues: readonly Plague[] = [
  { flags: smallRun, draw: (draw) => [killed(draw, 'one')] },
  { flags: smallRun, draw: (draw) => ['one', 'two', 'three'].map((name) => killed(draw, name)) },
  { flags: longerRun, draw: drawReplacements },
];

export const workerKilled: Row = {
  number: 1,
  title: 'kill -9 of workers: 1 of 4, 3 of 4, one every 2 s',
  play: async (trial) => {
    const { t, seed, draw } = trial;
    const plague = plagues[seed % plagues.length];
    const schedule = plague.draw(draw);
    const lab = await openLab(t, { flags: plague.flags });
    lab.startWorkers('one', 'two', 'three', 'four');
    const pulse = lab.takePulse();
    await lab.allReady();
    const kills = await carryOut(schedule, lab, trial);
    await assertUnharmed(lab);
    const lost = kills.map((at) => pulse.longestPause(at, at + maxLostMs));
    assert.ok(Math.max(...lost) < maxLostMs, `a death held the run up for ${Math.max(...lost)} ms`);
    return lost;
  },
};

function killed(draw: Draw, target: string): Fault {
  const atStep = drawStep(draw, 0.2, 0.6);
  return { atStep, afterMs: draw.integer(0, 250), target, action: 'SIGKILL' };
}

/** Another one comes for each that goes. */
function drawReplacements(draw: Draw): Fault[] {
  const atStep = draw.integer(100, 200);
  return ['one', 'two', 'three'].flatMap((target, index): Fault[] => {
    const moment = { atStep, afterMs: 2000 * index };
    return [
      { ...moment, target, action: 'SIGKILL' },
      { ...moment, target: `${target}'s successor`, action: 'start' },
    ];
  });
}
