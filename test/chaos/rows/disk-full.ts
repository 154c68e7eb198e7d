import assert from 'node:assert/strict';
import { setTimeout as passed } from 'node:timers/promises';
import { ownerOf } from '../../../coordinator/archive.ts';
import { loadLatestCheckpoint } from '../../../coordinator/checkpoint-folder.ts';
import { openRunFolder } from '../../../coordinator/run-folder.ts';
import { exitCodes } from '../../../deploy/exit-codes.ts';
import { limitFileSize } from '../disk.ts';
import { drawStep } from '../faults.ts';
import { type Lab, openLab } from '../lab.ts';
import { assertSameBits, assertUnharmed } from '../promises.ts';
import type { Row } from '../trial.ts';

interface Outage {
  /** Of each file. The weights of the network alone are 100 kB. */
  readonly roomBytes: number;
  readonly isForGood: boolean;
}

const outages: readonly Outage[] = [
  { roomBytes: 0, isForGood: false },
  { roomBytes: 50_000, isForGood: false },
  { roomBytes: 0, isForGood: true },
];

export const diskFull: Row = {
  number: 10,
  title: 'disk full at a checkpoint, for a while or for good',
  play: async ({ t, seed, draw, tell }) => {
    const { roomBytes, isForGood } = outages[seed % outages.length];
    const atStep = drawStep(draw, 0.1, 0.4);
    const lastsMs = draw.integer(0, 700);
    const howLong = isForGood ? 'for good' : `for ${lastsMs} ms after it shows`;
    tell(`from step ${atStep} on files end at ${roomBytes} bytes, ${howLong}`);
    const lab = await openLab(t, { serveFlags: ['--checkpoint-every=20'] });
    const { coordinator } = lab;
    lab.startWorkers('one', 'two');
    await lab.reached(atStep);
    await limitFileSize(coordinator.pid, roomBytes);
    await assertAlarm(lab);
    if (isForGood) {
      const end = await lab.end();
      await assertSameBits(end, lab);
      assert.match(end.message ?? '', /the trained weights could not be written: EFBIG/);
      assert.equal(await coordinator.exit, exitCodes.failure.status);
      return [];
    }
    await passed(lastsMs);
    assert.ok(!lab.isOver, 'the run was over before the disk was free');
    const { lastSeq } = lab;
    await limitFileSize(coordinator.pid, 'unlimited');
    const freeAt = performance.now();
    await coordinator.waitForEvent('checkpoint', ({ error, seq }) => !error && seq > lastSeq);
    const recoveryMs = performance.now() - freeAt;
    await assertUnharmed(lab);
    return [recoveryMs];
  },
};

/** It is said, the checkpoint before stands, and training goes on. */
async function assertAlarm({ coordinator, runDirectory }: Lab): Promise<void> {
  const { version } = await coordinator.waitForEvent('checkpoint', ({ error }) => Boolean(error));
  const folder = await openRunFolder(runDirectory);
  const { snapshot } = await loadLatestCheckpoint(folder.paths.checkpoints, ownerOf(folder));
  assert.ok(snapshot !== undefined && snapshot.version < version, 'no checkpoint stands');
  await coordinator.waitForEvent('step', (step) => step.version > version);
}
