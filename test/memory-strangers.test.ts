// What somebody can say about files who wants to disturb: no more comes of it than of any other bad message.
import fs from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunConfig } from '../shared/config.ts';
import {
  type Doorbell,
  encodeDoorbell,
  type GradientDoorbell,
  type WeightsDoorbell,
} from '../shared/doorbell.ts';
import type { RunEventOf } from '../shared/events.ts';
import type { OutgoingFile, PayloadPlace } from '../shared/memory-file.ts';
import { rejectReasons } from '../shared/protocol.ts';
import { answerTo } from './hostile-client.ts';
import {
  fateIn,
  type InnerCoordinator,
  newInnerCoordinator,
  next,
  noticesIn,
} from './inner-coordinator.ts';
import { newFileFor, newSharer, openMemoryFiles, type Sharer } from './memory-sharer.ts';
import { openScope } from './siege.ts';
import { inScope, startTutti, type TestScope, temporaryFolder } from './support.ts';

/** Its steps take an honest worker long enough that somebody else can answer in time. */
const config: Partial<RunConfig> = {
  shape: { trainSamples: 4096, testSamples: 1, rows: 4, columns: 4, classes: 4 },
  model: { hidden: [1200], activation: 'relu', batchNorm: false, dropout: 0 },
  batchSize: 128,
  shards: 4,
};
const payloadBytes = 4 * (21 * 1200 + 4);
const ready = { type: 'ready', engine: 'a liar', samplesPerSecond: 1e4 };
/** Of the coordinator, and of the line to its honest worker. */
const ownFiles = 1 + 3;
const malformed = `rejected: ${rejectReasons.malformed}`;
const { message } = placedOf({ position: 1, bytes: 1, stamp: 1 });

const { scope, close } = openScope();
let inner: InnerCoordinator;

describe.skipIf(process.platform !== 'linux')('a worker that is here', () => {
  beforeAll(async () => {
    inner = await newInnerCoordinator(scope, { config });
    inner.addWorker();
    await next(inner.log, 'step');
  });
  afterAll(close);

  it.for<[string, (t: TestScope) => object]>([
    ['nothing', () => ({ process: process.pid, file: 1_000_000 })],
    ['no process', () => ({ process: 2 ** 40, file: 0 })],
    ['the standard input', () => ({ process: process.pid, file: 0 })],
    ['a file that is none of ours', (t) => addressOf(t, 'x'.repeat(10_000))],
    ['an empty file', (t) => addressOf(t, '')],
  ])('and leads to %s has led nowhere', async ([what, address], t) => {
    const { stranger, name } = await newSharer(t, inner.url, what);
    stranger.say({ type: 'memory', ...address(t) });
    stranger.say(placedOf({ position: 8192, bytes: 100, stamp: 1 }));
    stranger.say({ type: 'leave', reason: 'bored' });
    await endsAs(name, ['joined', malformed, 'left: bored']);
  });

  it.for<[string, unknown]>([
    ['names a place in no file', placedOf({ position: 8192, bytes: 1, stamp: 1 })],
    ['has a file of no number', { type: 'memory', process: process.pid, file: -1 }],
    ['has a file of no process', { type: 'memory', file: 3 }],
    ['has more than a file', { type: 'memory', process: 1, file: 1, isAdmin: true }],
    ['offers a file of its own', { type: 'memory', process: 1, file: 1, port: 1 }],
  ])('and %s is refused', async ([what, said], t) => {
    const { stranger, name } = await newSharer(t, inner.url, what);
    stranger.say(said);
    stranger.say({ type: 'leave', reason: 'bored' });
    await endsAs(name, ['joined', malformed, 'left: bored']);
  });

  it.for<[string, (file: OutgoingFile) => unknown]>([
    ['longer than any gradient', (file) => placedOf({ ...placeIn(file), bytes: payloadBytes + 1 })],
    ['as long as there are numbers', (file) => placedOf({ ...placeIn(file), bytes: 2 ** 53 - 1 })],
    ['below the first', (file) => placedOf({ ...placeIn(file), position: -1 })],
    ['without a stamp', (file) => placedOf({ ...placeIn(file), stamp: 0 })],
    ['in words', (file) => ({ ...placedOf(placeIn(file)), place: 'there' })],
    [
      'for a message that does not exist',
      (file) => ({
        ...placedOf(placeIn(file)),
        message: { type: 'obey' },
      }),
    ],
    ['for a message that takes none', (file) => ({ ...placedOf(placeIn(file)), message: ready })],
    [
      'for half a message',
      (file) => ({ ...placedOf(placeIn(file)), message: { ...message, start: -1 } }),
    ],
    ['of a second file', (file) => ({ type: 'memory', ...file.address })],
  ])('and names a place %s is refused', async ([what, said], t) => {
    const { stranger, name, file } = await newOwner(t, what);
    stranger.say(said(file));
    stranger.say({ type: 'leave', reason: 'bored' });
    await endsAs(name, ['joined', malformed, 'left: bored']);
  });

  it.for<[string, (file: OutgoingFile) => Doorbell]>([
    [
      'for a payload longer than any gradient',
      (file) => placedOf({ ...placeIn(file), bytes: payloadBytes + 1 }),
    ],
    ['for weights of its own', (file) => weightsOf(placeIn(file))],
    ['for a place behind no mark', (file) => placedOf({ ...placeIn(file), position: 0 })],
  ])('and rings %s is refused', async ([what, doorbell], t) => {
    const { stranger, name, file } = await newOwner(t, what);
    stranger.frame(encodeDoorbell(doorbell(file))!);
    await expect.poll(() => fateIn(inner.log, name)).toContain(malformed);
  });

  it('and rings before there is a file is refused', async (t) => {
    const { stranger, name } = await newSharer(t, inner.url, 'early');
    stranger.frame(encodeDoorbell(placedOf({ position: 8192, bytes: 100, stamp: 1 }))!);
    stranger.say({ type: 'leave', reason: 'bored' });
    await endsAs(name, ['joined', malformed, 'left: bored']);
  });

  it.for<[string, (file: OutgoingFile) => PayloadPlace]>([
    [
      'was written over',
      (file) => {
        const place = placeIn(file);
        file.write(new Uint8Array(100));
        return place;
      },
    ],
    [
      'was cut off',
      (file) => {
        const place = placeIn(file);
        fs.ftruncateSync(file.address.file, place.position + 1);
        return place;
      },
    ],
    ['is beyond the end', (file) => ({ ...placeIn(file), position: 1 << 30 })],
    ['is beyond all files', (file) => ({ ...placeIn(file), position: Number.MAX_SAFE_INTEGER })],
    ['is inside of what both know', (file) => ({ ...placeIn(file), position: 1 })],
    ['is yet to come', (file) => ({ ...placeIn(file), stamp: 2 })],
  ])('and has a payload that %s has said nothing', async ([what, place], t) => {
    const { stranger, name, file } = await newOwner(t, what);
    const said = placedOf(place(file));
    stranger.say(said);
    stranger.frame(encodeDoorbell(said)!);
    stranger.say({ type: 'leave', reason: 'bored' });
    await endsAs(name, ['joined', 'left: bored']);
  });

  it.for(['in a message', 'by a doorbell'])(
    'is heard %s as if it had said so through its socket',
    async (how, t) => {
      const { stranger, name, file } = await newOwner(t, how);
      const said = placedOf(placeIn(file));
      if (how === 'in a message') stranger.say(said);
      else stranger.frame(encodeDoorbell(said)!);
      stranger.say({ type: 'leave', reason: 'bored' });
      const foreign = `rejected: ${rejectReasons.foreign}`;
      await endsAs(name, ['joined', foreign, 'left: bored']);
    },
  );

  it('and has a lease does nothing to the sum with what is not there', async (t) => {
    const { stranger, name, file, placed, welcome } = await newOwner(t, 'forger');
    stranger.say(ready);
    const { next: lease } = await placed();
    const { payload, ...answer } = answerTo(welcome, lease as Parameters<typeof answerTo>[1]);
    const place = file.write(payload);
    stranger.say({ type: 'placed', message: answer, place: { ...place, stamp: place.stamp + 1 } });
    stranger.say({ type: 'leave', reason: 'bored' });
    await endsAs(name, ['joined', 'ready', 'left: bored']);
  });

  it('and names the file of another one has nothing to say out of it', async (t) => {
    const { stranger, name, placed, welcome } = await newSharer(t, inner.url, 'thief');
    for (const file of openMemoryFiles().slice(0, 1)) {
      stranger.say({ type: 'memory', process: process.pid, file });
    }
    stranger.say(ready);
    const { next: lease } = await placed();
    const { payload, ...answer } = answerTo(welcome, lease as Parameters<typeof answerTo>[1]);
    const place = { position: 8192, bytes: payload.length, stamp: 2 ** 40 };
    stranger.say({ type: 'placed', message: answer, place });
    stranger.say({ type: 'leave', reason: 'bored' });
    await endsAs(name, ['joined', 'ready', 'left: bored']);
  });

  it('but does not read, and then breaks off, keeps nobody from training', async (t) => {
    const { stranger, name, placed } = await newOwner(t, 'deaf');
    stranger.say(ready);
    const { message: first } = await placed();
    // More than there are slots.
    await next(inner.log, 'step', ({ version }) => version > Number(first.version) + 4);
    stranger.wire.socket.destroy();
    await expect.poll(() => fateIn(inner.log, name).at(-1)).toMatch(/^left: /);
  });

  it('may be stopped for a while, take part again, and be killed', async (t) => {
    const process = startTutti(t, [
      'worker',
      inner.url,
      '--name=stopped',
      '--engine=reference',
      '--no-stay',
    ]);
    const { worker } = await next(inner.log, 'worker', ({ name }) => name === 'stopped');
    await computedBy(worker);
    process.kill('SIGSTOP');
    const late = await next(inner.log, 'worker', (event) => event.action === 'late');
    expect(late.name).toBe('stopped');
    const { version } = await next(inner.log, 'step');
    await next(inner.log, 'step', (step) => step.version > version + 4);
    process.kill('SIGCONT');
    await computedBy(worker);
    process.kill('SIGKILL');
    await expect.poll(() => fateIn(inner.log, 'stopped').at(-1)).toMatch(/^left: /);
    expect(fateIn(inner.log, 'stopped').filter((fate) => fate.startsWith('rejected'))).toEqual([]);
  });

  it('leaves nothing open when it goes', async () => {
    await expect.poll(() => openMemoryFiles().length).toBe(ownFiles);
  });

  it('does nothing to the run, which ends with the weights of an undisturbed one', async () => {
    inner.coordinator.stop();
    const { version, weightsHash, counters } = await inner.coordinator.done;
    expect(counters.samplesCommitted).toBe(128 * version);
    expect(noticesIn(inner.log).filter((notice) => /mistake/.test(notice))).toEqual([]);
    expect(fateIn(inner.log, 'honest')).toEqual(['joined', 'ready']);
    await expect.poll(openMemoryFiles).toEqual([]);
    const undisturbed = await inScope(async (t) => {
      const maxSteps = version;
      const alone = await newInnerCoordinator(t, { config: { ...config, maxSteps } });
      alone.addWorker();
      return alone.coordinator.done;
    });
    expect(undisturbed.weightsHash).toBe(weightsHash);
  });
});

/** A gradient that nobody asked for. */
function placedOf(place: PayloadPlace): GradientDoorbell {
  const run = { run: 'yesterday', epoch: 0, step: 0, version: 0, start: 0, length: 1 };
  const figures = { samples: 1, lossSum: 1, correct: 0, computeMs: 1 };
  return { type: 'placed', message: { type: 'gradient', ...run, ...figures }, place };
}

function weightsOf(place: PayloadPlace): WeightsDoorbell {
  const at = { epoch: 0, step: 0, version: 0 };
  const runs = [{ start: 0, length: 1 }];
  const message = { type: 'weights', version: 0 } as const;
  return { type: 'placed', message, place, next: { type: 'lease', ...at, runs } };
}

/** A stranger whose file the coordinator has opened. */
async function newOwner(t: TestScope, name: string): Promise<Sharer & { file: OutgoingFile }> {
  const sharer = await newSharer(t, inner.url, name);
  const file = newFileFor(t, sharer.offer);
  sharer.stranger.say({ type: 'memory', ...file.address });
  return { ...sharer, file };
}

function placeIn(file: OutgoingFile) {
  return file.write(new Uint8Array(100));
}

function addressOf(t: TestScope, text: string) {
  const path = join(temporaryFolder(t), 'file');
  fs.writeFileSync(path, text);
  const file = fs.openSync(path, 'r');
  t.onTestFinished(async () => fs.closeSync(file));
  return { process: process.pid, file };
}

async function endsAs(name: string, fates: string[]): Promise<void> {
  await expect.poll(() => fateIn(inner.log, name)).toEqual(fates);
}

/** Until more samples of it have been used than by now. */
async function computedBy(worker: string): Promise<void> {
  const samplesIn = ({ rows }: RunEventOf<'workers'>) =>
    rows.find((row) => row.worker === worker)?.samples ?? 0;
  const before = samplesIn(await next(inner.log, 'workers'));
  await next(inner.log, 'workers', (event) => samplesIn(event) > before);
}
