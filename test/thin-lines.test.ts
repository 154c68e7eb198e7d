// Runs over lines that are slow and far: they take longer, and come to the same.
import { expect, it } from 'vitest';
import { startProxy } from './chaos/proxy.ts';
import { Draw } from './simulator/draw.ts';
import { newCluster, quickRun, startTutti, type TestScope } from './support.ts';

const flags = [...quickRun, '--only-engine=wasm', '--max-steps=12'];
const bitsPerSecond = 10e6;

it('ends with the same weights over a thin line, as fast as the line is', async (t) => {
  const near = await endOf(t, { isThin: false });
  const far = await endOf(t, { isThin: true });
  expect(far.weightsHash).toBe(near.weightsHash);
  // A single worker sends nothing while it receives: all that travels takes its time one after the other.
  expect(far.seconds).toBeGreaterThan((8 * far.bytes) / bitsPerSecond);
  expect(near.seconds).toBeLessThan((8 * near.bytes) / bitsPerSecond);
}, 60_000);

async function endOf(t: TestScope, { isThin }: { readonly isThin: boolean }) {
  const { url, coordinator, end } = await newCluster(t, { workers: 0, flags });
  const line = await startProxy(t, url, new Draw(0, 'thin line'));
  if (isThin) line.set({ bytesPerSecond: bitsPerSecond / 8, delayMs: 10 });
  startTutti(t, ['worker', line.url]);
  const ready = await coordinator.waitForEvent('worker', ({ action }) => action === 'ready');
  const { weightsHash, counters, time } = await end();
  return {
    weightsHash,
    bytes: counters.bytesIn + counters.bytesOut - counters.dataBytesOut,
    seconds: (Date.parse(time) - Date.parse(ready.time)) / 1000,
  };
}
