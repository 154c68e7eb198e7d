// A coordinator and a worker in one process, with messages of the size that is kept in places: what both hold after
// thousands of steps.
import { hash } from 'node:crypto';
import { expect, it } from 'vitest';
import type { Engine } from '../shared/contracts.ts';
import { protocolVersion } from '../shared/protocol.ts';
import { createBlockCache } from '../worker/block-cache.ts';
import { openTrainingData } from '../worker/data-store.ts';
import { FrameMemory } from '../worker/frame-memory.ts';
import { MemoryLane } from '../worker/memory-lane.ts';
import { steadyWebSocket } from '../worker/steady-websocket.ts';
import { socketTransport } from '../worker/transport.ts';
import { UnmaskedWebSocket } from '../worker/unmasked-websocket.ts';
import { Worker } from '../worker/worker.ts';
import { heldMemory } from './held-memory.ts';
import { newInnerCoordinator, next } from './inner-coordinator.ts';
import { temporaryFolder } from './support.ts';

/** Half a minute for ten thousand. */
const steps = Number(process.env.TUTTI_STEPS ?? 1500);
const warmUpSteps = 3000;
const hidden = 4000;

const title = `a run through %s holds no more after ${steps} steps than before them`;
const ways = [
  ['sockets', false],
  ['memory', true],
] as const;

it.for(ways)(title, { timeout: 600_000 }, async ([, sharesMemory], t) => {
  const batchSize = 16;
  const trainSamples = batchSize * (warmUpSteps + steps + 1000);
  const shape = { trainSamples, testSamples: 1, rows: 4, columns: 4, classes: 4 };
  const network = { hidden: [hidden], activation: 'relu' as const, batchNorm: false, dropout: 0 };
  const { coordinator, log, url } = await newInnerCoordinator(t, {
    config: { shape, model: network, batchSize, shards: 4 },
  });
  const memory = new FrameMemory();
  new Worker({
    connect: socketTransport({
      url,
      handshake: { protocol: protocolVersion, name: 'quick', kind: 'node', sharesMemory },
      webSocket: steadyWebSocket(UnmaskedWebSocket, memory.incoming),
      memory,
      lane: new MemoryLane(new URL(url).port, (bytes) => memory.roomForPlaced(bytes)),
    }),
    loadData: (manifest, imageBytes) =>
      openTrainingData({
        baseUrl: url,
        manifest,
        imageBytes,
        cache: createBlockCache(temporaryFolder(t)),
        sha256: (bytes) => hash('sha256', bytes),
        fetch,
      }),
    createEngine: async ({ parameterCount }) => {
      return { engine: quickEngine(parameterCount), samplesPerSecond: 1e6 };
    },
    now: () => performance.now(),
    onNews: () => undefined,
  });
  const reached = (version: number) =>
    new Promise<void>((resolve) => {
      const unsubscribe = log.subscribe((event) => {
        if (event.type !== 'step' || event.version < version) return;
        unsubscribe();
        resolve();
      });
    });
  const { dispatch } = coordinator.steered;
  /** With no message on its way. */
  const heldAt = async (version: number) => {
    await reached(version);
    dispatch({ type: 'pause', by: 'the test' });
    await next(log, 'waiting', ({ cause }) => cause === 'paused');
    const held = await heldMemory();
    dispatch({ type: 'resume' });
    return held;
  };
  const before = await heldAt(warmUpSteps);
  const after = await heldAt(warmUpSteps + steps);
  coordinator.stop();
  const { counters } = await coordinator.done;
  expect(counters.gradientsRejected).toBe(0);
  // Less than a single message, of which thousands went by.
  expect(after.heldBytes - before.heldBytes).toBeLessThan(300_000);
});

/** Computes nothing. */
function quickEngine(parameterCount: number): Engine {
  const gradient = new Float32Array(parameterCount).fill(1e-6);
  return {
    label: 'quick',
    load: () => undefined,
    gradient: async () => ({ gradient, lossSum: 1, correct: 0 }),
    predict: async () => new Float32Array(),
    dispose: async () => undefined,
  };
}
