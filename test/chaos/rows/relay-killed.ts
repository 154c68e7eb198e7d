import assert from 'node:assert/strict';
import { setTimeout as passed } from 'node:timers/promises';
import type { Tutti } from '../../support.ts';
import { longerRun, openLab } from '../lab.ts';
import { assertUnharmed } from '../promises.ts';
import type { Row } from '../trial.ts';

const crew = Array.from({ length: 8 }, (_, index) => `behind-${index + 1}`);
/** From when the relay listens again until one of its workers is leased shards. */
const maxReturnMs = 5000;
/** With somebody else there, its death may cost this much time; a lease alone lasts longer. */
const maxLostMs = 1000;

export const relayKilled: Row = {
  number: 19,
  title: 'kill -9 of a relay with 8 workers behind it',
  play: async ({ t, draw, tell }) => {
    const isAlone = draw.chance(0.5);
    const afterMs = draw.integer(0, 1000);
    const awayMs = draw.integer(0, 3000);
    const lab = await openLab(t, { flags: longerRun });
    const url = await lab.startRelay('relay');
    for (const name of crew) lab.startWorker(name, { url });
    await lab.behind('relay', crew.length);
    if (!isAlone) lab.startWorker('beside it');
    if (!isAlone) await lab.ready('beside it');
    tell(`SIGKILL after ${afterMs} ms${isAlone ? '' : ', with a worker beside it'}`);
    tell(`started again ${awayMs} ms later`);
    const pulse = lab.takePulse();
    await passed(afterMs);
    assert.ok(!lab.isOver, 'the run was over before the relay was killed');
    const { lastSeq } = lab;
    const killedAt = performance.now();
    lab.worker('relay').kill('SIGKILL');
    await lab.worker('relay').exit;
    await passed(awayMs);
    await lab.startRelay('relay', Number(new URL(url).port));
    const startedAt = performance.now();
    await lab.coordinator.waitForEvent('worker', ({ name, action, seq }) => {
      return name === 'relay' && action === 'ready' && seq > lastSeq;
    });
    const returnMs = performance.now() - startedAt;
    assert.ok(returnMs < maxReturnMs, `its workers came back after ${returnMs} ms`);
    await assertUnharmed(lab);
    for (const name of crew) await assertPatient(lab.worker(name));
    if (isAlone) return [returnMs];
    const lostMs = pulse.longestPause(killedAt, killedAt + maxLostMs);
    assert.ok(lostMs < maxLostMs, `its death held the run up for ${lostMs} ms`);
    return [lostMs];
  },
};

/** It waited, said for what, and was there at the end. */
async function assertPatient(worker: Tutti): Promise<void> {
  assert.equal(await worker.exit, 0, worker.stderr);
  assert.match(worker.stdout, /trying again until it works\n(.*\n)*connected again\n/);
}
