// Runs whose payloads go through memory: they end as if all had gone through sockets, which have little to carry.
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { openMemoryLanes } from '../coordinator/memory-lanes.ts';
import type { RunConfig } from '../shared/config.ts';
import { smallestPlaced } from '../shared/memory-messages.ts';
import { Decoder } from '../shared/socket-parser.ts';
import { startProxy } from './chaos/proxy.ts';
import { newImpostor } from './hostile-client.ts';
import {
  type InnerCoordinator,
  type InnerOptions,
  newInnerCoordinator,
} from './inner-coordinator.ts';
import { startInnerRelay } from './inner-relay.ts';
import { socketFrom } from './lane-socket.ts';
import { newFileFor, newSharer, openMemoryFiles } from './memory-sharer.ts';
import { Draw } from './simulator/draw.ts';
import { inScope, type TestScope } from './support.ts';

const isLinux = process.platform === 'linux';
/** Eight steps. */
const short: Partial<RunConfig> = {
  shape: { trainSamples: 64, testSamples: 1, rows: 4, columns: 4, classes: 4 },
  shards: 4,
  epochs: 2,
};
/** Of 21 parameters each. */
const ofUnits = (units: number): Pick<RunConfig, 'model'> => ({
  model: { hidden: [units], activation: 'relu', batchNorm: false, dropout: 0 },
});
/** Of all of them as float32. */
const bytesOf = (units: number): number => 4 * (21 * units + 4);
const local = {
  mode: 'local',
  localSteps: 2,
  outerLearningRate: 0.7,
  outerMomentum: 0.9,
} as const;

describe.skipIf(!isLinux)('a run whose payloads go through memory', () => {
  it.for<[string, Partial<RunConfig>, part: number, workers?: number]>([
    ['as float32', ofUnits(1500), 0.05],
    ['as bfloat16', { ...ofUnits(5000), codecs: both('bfloat16') }, 0.05],
    [
      'as int8, which rounds at random',
      { ...ofUnits(5000), codecs: { gradients: 'int8', weights: 'float16' } },
      0.05,
    ],
    [
      // Which is another with another number of workers.
      'with feedback',
      { ...ofUnits(5000), codecs: { gradients: 'topk', weights: 'float32', topK: 0.5 } },
      0.05,
      1,
    ],
    ['with rounds of local steps', { ...ofUnits(1500), sync: local }, 0.05],
    [
      // Which are sent as often as a shard is handed out: to one worker, once.
      'but for gradients that are too small for it',
      { ...ofUnits(1500), shards: 1, codecs: { gradients: 'int8', weights: 'float32' } },
      0.3,
      1,
    ],
  ])('%s ends with the same weights', async ([, config, part, workers = 2], t) => {
    const start = startWorkers(workers);
    const sharedMemory = false;
    const apart = await inScope((scope) => outcomeOf(scope, { config, sharedMemory }, start));
    const shared = await outcomeOf(t, { config }, start);
    expect(shared.result).toEqual(apart.result);
    expect(shared.socketBytes).toBeLessThan(part * apart.socketBytes);
    expect([apart.files, shared.files]).toEqual([0, 1 + 3 * workers]);
    await expect.poll(openMemoryFiles).toEqual([]);
  });

  it('goes through sockets for a worker that comes by another port', async (t) => {
    const config = ofUnits(1500);
    const straight = await inScope((scope) => outcomeOf(scope, { config, sharedMemory: false }));
    const around = await outcomeOf(t, { config }, async (inner) => {
      const line = await startProxy(t, inner.url, new Draw(0, 'line'));
      for (let worker = 0; worker < 2; worker++) inner.addWorker({ url: line.url });
    });
    expect(around.result).toEqual(straight.result);
    // Weights, and at least one gradient.
    expect(around.socketBytes).toBeGreaterThan(around.result.version * 2 * bytesOf(1500));
    expect(around.files).toBe(1);
  });

  it('goes through memory on both sides of a relay', async (t) => {
    const config = ofUnits(1500);
    const apart = await inScope((scope) => outcomeOf(scope, { config, sharedMemory: false }));
    const relayed = await outcomeOf(t, { config }, async (inner) => {
      const relay = await startInnerRelay(t, inner.url);
      await relay.told('connected');
      relay.addWorker('behind');
    });
    expect(relayed.result).toEqual(apart.result);
    expect(relayed.socketBytes).toBeLessThan(0.05 * apart.socketBytes);
    // Coordinator and relay have one each, and each of the two lines has three.
    expect(relayed.files).toBe(2 + 3 * 2);
    await expect.poll(openMemoryFiles).toEqual([]);
  });

  it('tells of them in doorbells, past socket.io', async (t) => {
    const types: unknown[] = [];
    const { add } = Decoder.prototype;
    const spy = vi.spyOn(Decoder.prototype, 'add').mockImplementation(function (
      this: Decoder,
      chunk,
    ) {
      this.once('decoded', ({ data }) => types.push(data?.[1]?.type));
      add.call(this, chunk);
    });
    onTestFinished(() => spy.mockRestore());
    const { result } = await outcomeOf(t, { config: ofUnits(1500) }, startWorkers(1));
    expect(result.version).toBe(8);
    expect(types).toContain('memory');
    expect(types).not.toContain('placed');
  });

  it('is told of weights and their lease in one message', async (t) => {
    const { url } = await newInnerCoordinator(t, { config: ofUnits(1500) });
    const { stranger, offer, placed } = await newSharer(t, url, 'silent');
    stranger.say({ type: 'memory', ...newFileFor(t, offer).address });
    stranger.say({ type: 'ready', engine: 'none', samplesPerSecond: 1000 });
    const { message, place, next } = await placed();
    expect(message).toEqual({ type: 'weights', version: 0 });
    expect(place.bytes).toBe(bytesOf(1500));
    expect(next).toMatchObject({ type: 'lease', version: 0 });
  });
});

describe('a worker is offered nothing', () => {
  it.for([
    ['that does not say that it shares memory', {}, true],
    ['where the coordinator was told not to', { sharesMemory: true }, false],
  ] as const)('%s', async ([, handshake, sharedMemory], t) => {
    const { url } = await newInnerCoordinator(t, { config: ofUnits(1500), sharedMemory });
    const { stranger } = await newImpostor(t, url, 'plain', handshake);
    stranger.say({ type: 'ready', engine: 'none', samplesPerSecond: 1000 });
    const { payload } = await stranger.told('weights');
    expect(payload).toHaveLength(bytesOf(1500));
    await stranger.told('lease');
    expect(stranger.received.map(({ data }) => data[1]?.type)).not.toContain('memory');
  });
});

describe.skipIf(!isLinux)("the coordinator's end of a lane", () => {
  const [remoteAddress, localPort] = ['10.0.0.1', 7070];
  const laneFrom = (localAddress: string) => {
    const lanes = openMemoryLanes({ incoming: new Uint8Array(100) })!;
    const lane = lanes.laneOf(socketFrom(remoteAddress, localAddress, localPort));
    onTestFinished(() => {
      lane?.close();
      lanes.close();
    });
    return lane;
  };

  it('is there for those who have its own address', () => {
    expect(laneFrom('10.0.0.2')).toBeUndefined();
    expect(laneFrom(remoteAddress)!.offer).toMatchObject({ type: 'memory', port: localPort });
  });

  /** Open, and with a place that a worker tells of before anything is there. */
  const newAwaited = () => {
    const lane = laneFrom(remoteAddress)!;
    const file = newFileFor({ onTestFinished }, lane.offer);
    const payload = new Uint8Array(100).fill(7);
    file.write(payload);
    const messages: unknown[] = [];
    const arrive = (data: unknown): void => lane.arrived(data, (message) => messages.push(message));
    arrive({ type: 'memory', ...file.address });
    const place = file.reserve(payload.length)!;
    const tell = (): void => arrive({ type: 'placed', message: { type: 'gradient' }, place });
    return { lane, messages, arrive, tell, fill: () => file.fill(place, payload), payload };
  };

  it('hands on what was told of when it is there, and other messages meanwhile', async () => {
    const { messages, arrive, tell, fill, payload } = newAwaited();
    const leave = { type: 'leave' };
    tell();
    arrive(leave);
    expect(messages).toEqual([leave]);
    fill();
    await expect.poll(() => messages).toEqual([leave, { type: 'gradient', payload }]);
  });

  it('waits for no more than a worker has places for, and for nobody who is gone', async () => {
    const [gone, greedy] = [newAwaited(), newAwaited()];
    gone.tell();
    gone.lane.close();
    for (let times = 0; times < 6; times++) greedy.tell();
    gone.fill();
    greedy.fill();
    await expect.poll(() => greedy.messages).toHaveLength(4);
    expect(gone.messages).toEqual([]);
  });

  it('lets weights wait for what comes behind them, in a message of its own if it has a payload', () => {
    const lane = laneFrom(remoteAddress)!;
    const { address } = newFileFor({ onTestFinished }, lane.offer);
    lane.arrived({ type: 'memory', ...address }, () => expect.fail('hands it on'));
    const large = { type: 'weights', version: 1, payload: new Uint8Array(smallestPlaced) } as const;
    const small = { type: 'weights', version: 2, payload: new Uint8Array(1) } as const;
    const finished = { type: 'finished', reason: 'completed' } as const;
    const message = { type: 'weights', version: 1 };
    const place = { position: expect.any(Number), bytes: smallestPlaced, stamp: 1 };
    expect(lane.leaving(large)).toEqual([]);
    expect(lane.leaving(finished)).toEqual([{ type: 'placed', message, place, next: finished }]);
    expect(lane.leaving(finished)).toEqual([finished]);
    // As often as it is sent: it is written once.
    expect(lane.leaving(large)).toEqual([]);
    expect(lane.leaving(small)).toEqual([{ type: 'placed', message, place }, small]);
  });
});

function both(codec: 'bfloat16'): RunConfig['codecs'] {
  return { gradients: codec, weights: codec };
}

function startWorkers(count: number) {
  return async ({ addWorker }: InnerCoordinator): Promise<void> => {
    for (let worker = 0; worker < count; worker++) addWorker();
  };
}

/** Of a run with two workers, unless others are started. */
async function outcomeOf(
  t: TestScope,
  { config, ...options }: InnerOptions,
  start: (inner: InnerCoordinator) => Promise<void> = startWorkers(2),
) {
  const inner = await newInnerCoordinator(t, { ...options, config: { ...short, ...config } });
  let files = 0;
  inner.log.subscribe(() => {
    files = Math.max(files, isLinux ? openMemoryFiles().length : 0);
  });
  await start(inner);
  const { weightsHash, version, counters } = await inner.coordinator.done;
  return {
    result: { weightsHash, version, samples: counters.samplesCommitted },
    socketBytes: counters.bytesIn + counters.bytesOut - counters.dataBytesOut,
    /** The most that were open at a time. */
    files,
  };
}
