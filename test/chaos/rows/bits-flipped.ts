import assert from 'node:assert/strict';
import { openLab } from '../lab.ts';
import { assertUnharmed } from '../promises.ts';
import { startProxy } from '../proxy.ts';
import type { Row } from '../trial.ts';

export const bitsFlipped: Row = {
  number: 8,
  title: 'bits flipped on the way, in both directions',
  play: async ({ t, draw, tell }) => {
    const bytesPerFlip = Math.round(draw.magnitude(50e3, 5e6));
    tell(`one bit in about ${bytesPerFlip} bytes is flipped`);
    const lab = await openLab(t, { shardMs: 2 });
    const proxy = await startProxy(t, lab.url, draw);
    for (const name of ['one', 'two']) lab.startWorker(name, { url: proxy.url });
    // Somebody must get somewhere.
    lab.startWorker('three');
    await lab.allReady();
    proxy.set({ bytesPerFlip });
    const { counters } = await assertUnharmed(lab);
    tell(`${proxy.flips} bits flipped, ${counters.gradientsRejected} messages refused`);
    assert.ok(proxy.flips > 0, 'nothing was flipped');
    return [];
  },
};
