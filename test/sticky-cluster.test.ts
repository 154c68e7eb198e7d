// Whoever keeps its shards fetches their part of the training set, and the result is that of one worker alone.
import { hash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { RunConfig } from '../shared/config.ts';
import type { Engine } from '../shared/contracts.ts';
import { protocolVersion } from '../shared/protocol.ts';
import { createBlockCache } from '../worker/block-cache.ts';
import { openTrainingData } from '../worker/data-store.ts';
import { reference } from '../worker/engines/reference.ts';
import { socketTransport } from '../worker/transport.ts';
import { UnmaskedWebSocket } from '../worker/unmasked-websocket.ts';
import { Worker } from '../worker/worker.ts';
import { newInnerCoordinator } from './inner-coordinator.ts';
import { type InnerRelay, startInnerRelay } from './inner-relay.ts';
import { inScope, type TestScope, temporaryFolder } from './support.ts';

/** 960 blocks of images, 64 of which are in use at a time. */
const shape = { trainSamples: 240_000, testSamples: 1, rows: 2, columns: 2, classes: 3 };
const config: Partial<RunConfig> = { shape, batchSize: 128, shards: 8, sharding: 'sticky' };

describe('workers of a sticky run', () => {
  it('fetch about a quarter each when they are four, and come to the bits of one', async (t) => {
    const changes = { ...config, maxSteps: 100 };
    const alone = await inScope((scope) => outcomeOf(scope, { count: 1, computeMs: 0, changes }));
    // In one process nobody would be as fast as another if they did not wait.
    const four = await outcomeOf(t, { count: 4, computeMs: 5, changes });
    expect(four.weightsHash).toBe(alone.weightsHash);
    // Until all know how fast they are, shards change hands.
    for (const blocks of four.blocks) expect(blocks).toBeLessThanOrEqual(240 + 2 * 64);
  });

  it.for([
    ['one relay', 1],
    ['two relays', 2],
  ] as const)(
    'fetch no more behind %s, and it brings no more than they need',
    async ([, relayCount], t) => {
      const changes = { ...config, maxSteps: 100 };
      const alone = await inScope((scope) => outcomeOf(scope, { count: 1, computeMs: 0, changes }));
      const four = await outcomeOf(t, { count: 4, computeMs: 5, changes, relayCount });
      expect(four.weightsHash).toBe(alone.weightsHash);
      for (const blocks of four.blocks) expect(blocks).toBeLessThanOrEqual(240 + 2 * 64);
      expect(four.brought).toHaveLength(relayCount);
      const atMost = Math.min(960, 960 / relayCount + 2 * 64);
      for (const blocks of four.brought) expect(blocks).toBeLessThanOrEqual(atMost);
    },
  );

  it('fetch what they need when they are there for few steps, alone as well', async (t) => {
    const changes = { ...config, maxSteps: 10 };
    const { blocks } = await outcomeOf(t, { count: 1, computeMs: 0, changes });
    expect(blocks[0]).toBeLessThanOrEqual(64);
  });
});

const labelBlocks = 4;

interface Trial {
  readonly count: number;
  /** Of one shard, at least. */
  readonly computeMs: number;
  readonly changes: Partial<RunConfig>;
  /** Between the workers and the coordinator, with as many behind each. */
  readonly relayCount?: number;
}

/**
 * The bits that a run of so many workers ends with, the blocks of images that each of them fetched, and those that each
 * relay brought.
 */
async function outcomeOf(t: TestScope, { count, computeMs, changes, relayCount = 0 }: Trial) {
  const { coordinator, url } = await newInnerCoordinator(t, { config: changes });
  const relays: InnerRelay[] = [];
  for (let at = 0; at < relayCount; at++) {
    relays.push(await startInnerRelay(t, url, { name: `relay-${at}` }));
  }
  await Promise.all(relays.map(({ told }) => told('connected')));
  const folders = Array.from({ length: count }, () => temporaryFolder(t));
  const meeting = meetingOf(count);
  folders.forEach((folder, at) => {
    const entrance = relays[at % relayCount]?.url ?? url;
    startWorker(entrance, folder, { computeMs, meeting });
  });
  const { weightsHash } = await coordinator.done;
  const files = await Promise.all(folders.map((folder) => readdir(folder)));
  const imagesOf = ({ length }: readonly string[]) => length - labelBlocks;
  return {
    weightsHash,
    blocks: files.map(imagesOf),
    brought: relays.map(({ blocks }) => imagesOf(blocks)),
  };
}

function startWorker(
  url: string,
  cacheDirectory: string,
  { computeMs, meeting }: { readonly computeMs: number; readonly meeting: () => Promise<void> },
): void {
  const handshake = { protocol: protocolVersion, name: 'worker', kind: 'node' } as const;
  new Worker({
    connect: socketTransport({ url, handshake, webSocket: UnmaskedWebSocket }),
    loadData: (manifest, imageBytes) =>
      openTrainingData({
        baseUrl: url,
        manifest,
        imageBytes,
        cache: createBlockCache(cacheDirectory),
        sha256: (bytes) => hash('sha256', bytes),
      }),
    createEngine: async (model) => {
      const engine = await reference.create(model);
      await meeting();
      const compute: Engine['gradient'] = engine.gradient.bind(engine);
      engine.gradient = async (slice) => {
        if (computeMs > 0) await setTimeout(computeMs);
        return compute(slice);
      };
      return { engine, samplesPerSecond: 3000 };
    },
    now: () => performance.now(),
    onNews: () => undefined,
  });
}

/** Nobody is ready before all are. */
function meetingOf(count: number): () => Promise<void> {
  let open: () => void = () => undefined;
  const all = new Promise<void>((resolve) => {
    open = resolve;
  });
  let arrived = 0;
  return () => {
    arrived++;
    if (arrived === count) open();
    return all;
  };
}
