import assert from 'node:assert/strict';
import { carryOut, drawStep, type Fault } from '../faults.ts';
import { longerRun, longerRunSteps, openLab, smallRun, smallRunSteps } from '../lab.ts';
import { useOf } from '../process-use.ts';
import { assertUnharmed } from '../promises.ts';
import type { Row } from '../trial.ts';

const small = { flags: smallRun, steps: smallRunSteps };
const longer = { flags: longerRun, steps: longerRunSteps };
const freezes = [
  { ...small, durationMs: Number.POSITIVE_INFINITY },
  { ...small, durationMs: 1000 },
  { ...longer, durationMs: 3000 },
  // Long enough that the coordinator hangs up: it comes back as somebody new.
  { ...longer, durationMs: 30_000, shardMs: 14 },
];
/** What a heap grows and shrinks by between two collections. */
const maxGrowthBytes = 50e6;

export const workerFrozen: Row = {
  number: 5,
  title: 'SIGSTOP of a worker: for 1 s, 3 s, 30 s, for good',
  play: async (trial) => {
    const { t, seed, draw, tell } = trial;
    const { steps, durationMs, ...options } = freezes[seed % freezes.length];
    const atStep = drawStep(draw, 0.2, 0.4);
    const afterMs = draw.integer(0, 250);
    const stop: Fault = { atStep, afterMs, target: 'one', action: 'SIGSTOP' };
    const go: Fault = { ...stop, afterMs: afterMs + durationMs, action: 'SIGCONT' };
    const thaws = Number.isFinite(durationMs);

    const lab = await openLab(t, options);
    const { pid } = lab.coordinator;
    lab.startWorkers('one', 'two', 'three');
    const pulse = lab.takePulse();
    await lab.allReady();
    await lab.reached(atStep);
    const before = await useOf(pid);
    const [at] = await carryOut(thaws ? [stop, go] : [stop], lab, trial);
    await lab.reached(steps * 0.9);
    const grownBytes = (await useOf(pid)).bytes - before.bytes;
    tell(`memory of the coordinator: ${(grownBytes / 1e6).toFixed(1)} MB more than before`);
    const { counters } = await assertUnharmed(lab);
    assert.ok(grownBytes < maxGrowthBytes, `the coordinator grew by ${grownBytes} bytes`);
    const unusedAnswers = counters.gradientsLate + counters.gradientsDuplicate;
    if (thaws) assert.ok(unusedAnswers > 0, 'its late answers were not counted');
    return [pulse.longestPause(at, at + 2000)];
  },
};
