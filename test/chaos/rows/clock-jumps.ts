import assert from 'node:assert/strict';
import { openLab } from '../lab.ts';
import { assertUnharmed } from '../promises.ts';
import type { Row } from '../trial.ts';

const dayMs = 24 * 3600 * 1000;

export const clockJumps: Row = {
  number: 12,
  title: 'wall clocks jump, forwards and backwards',
  play: async ({ t, draw, tell }) => {
    const drawClock = () => {
      const jumps = draw.several(2, 5, () => [
        draw.integer(0, 8000),
        draw.pick([1, -1]) * Math.round(draw.magnitude(1000, dayMs)),
      ]);
      const CLOCK_JUMPS = JSON.stringify(jumps);
      tell(`a clock jumps [after ms, by ms]: ${CLOCK_JUMPS}`);
      return { preload: ['jumping-clock.js'], env: { CLOCK_JUMPS } } as const;
    };
    const lab = await openLab(t, drawClock());
    for (const name of ['one', 'two']) lab.startWorker(name, drawClock());
    await assertUnharmed(lab);
    for (const name of lab.workers.keys()) {
      const actions = (await lab.storyOf(name)).map(({ action }) => action);
      tell(`${name}: ${actions.join(', ')}`);
      // It may leave and come back: socket.io takes a jump for a time in which nobody answered.
      for (const action of ['late', 'rejected', 'expelled'] as const) {
        assert.ok(!actions.includes(action), `${name} was ${action}`);
      }
    }
    return [];
  },
};
