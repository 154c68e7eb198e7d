// Files that are part of the memory of two processes: here both ends are in one.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { openMemoryLanes } from '../coordinator/memory-lanes.ts';
import {
  fileBytes,
  IncomingFile,
  markBytes,
  OutgoingFile,
  type PayloadPlace,
} from '../shared/memory-file.ts';
import { slots, smallestPlaced } from '../shared/memory-messages.ts';
import { openPages, type Pages } from '../shared/pages.ts';
import { roomForPages, VectorMemory } from '../shared/vectors/memory.ts';
import { MemoryLane } from '../worker/memory-lane.ts';
import type { Announcement } from '../worker/transport.ts';
import { socketFrom } from './lane-socket.ts';
import { temporaryFolder } from './support.ts';

const isLinux = process.platform === 'linux';
const payloadBytes = 70_001;
const mark = new Uint8Array(markBytes).fill(9);

function newPages(count: number, bytes = payloadBytes): Uint8Array {
  const length = fileBytes(count, bytes);
  return new VectorMemory(roomForPages(length)).pages(length)!;
}

function payloadOf(seed: number, length = payloadBytes): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => at * seed + (at >> 8));
}

it('are nowhere without koffi, or without a system that has them', () => {
  const missing = (): never => {
    throw new Error('Cannot find module');
  };
  expect(openPages(missing)).toBeUndefined();
  expect(openPages(() => ({ load: missing }))).toBeUndefined();
});

describe.skipIf(!isLinux)('a file in memory', () => {
  const pages = openPages(() => createRequire(import.meta.url)('koffi'))!;

  function newFile(slotCount = 2, own: Pages = pages): OutgoingFile {
    const folders = [temporaryFolder({ onTestFinished })];
    const options = { calls: fs, pages: own, folders, process: process.pid, slots: slotCount };
    const file = new OutgoingFile(options, mark);
    onTestFinished(() => file.close());
    return file;
  }

  function opened({ address }: OutgoingFile): IncomingFile {
    const incoming = IncomingFile.open(fs, address, mark, pages)!;
    onTestFinished(() => incoming.close());
    return incoming;
  }

  let file: OutgoingFile;
  let incoming: IncomingFile;
  beforeEach(() => {
    file = newFile();
    incoming = opened(file);
  });

  it('cannot be made shorter by anybody', () => {
    file.map(newPages(2));
    expect(() => fs.ftruncateSync(file.address.file, 100)).toThrow('EPERM');
    const path = `/proc/self/fd/${file.address.file}`;
    expect(() => fs.truncateSync(path, 100)).toThrow('EPERM');
  });

  it('holds the payload that is made in its place, for one who has it in memory, and for one who reads it', () => {
    file.map(newPages(2));
    const memory = newPages(2);
    incoming.map(memory);
    const place = file.reserve(payloadBytes)!;
    expect([incoming.isAwaited(place), incoming.view(place)]).toEqual([true, undefined]);
    const room = file.room(place)!;
    room.set(payloadOf(3));
    file.fill(place, room);
    expect(incoming.isAwaited(place)).toBe(false);
    const view = incoming.view(place)!;
    expect(view.buffer).toBe(memory.buffer);
    expect(view).toEqual(payloadOf(3));
    const [into, reader] = [new Uint8Array(payloadBytes), opened(file)];
    expect(reader.read(place, into)).toBe(true);
    expect(into).toEqual(payloadOf(3));
  });

  it('holds what was written before it was in memory, and counts on', () => {
    const place = file.write(payloadOf(5));
    file.count(7, 12);
    file.map(newPages(2));
    incoming.map(newPages(2));
    expect(incoming.view(place)).toEqual(payloadOf(5));
    expect(incoming.counted(7)).toBe(12);
    file.count(7, 13);
    expect([incoming.counted(7), incoming.counted(8), opened(file).counted(7)]).toEqual([
      13, 0, 13,
    ]);
    expect(file.write(payloadOf(6)).stamp).toBe(2);
  });

  it('is promised a place from the first on, where it is in memory', () => {
    expect(file.reserve(payloadBytes)).toBeUndefined();
    file.map(newPages(2));
    expect(file.reserve(payloadBytes)?.stamp).toBe(1);
    expect(file.reserve(4 * payloadBytes)).toBeUndefined();
  });

  it('has no payload any more where the next but one is told of', () => {
    file.map(newPages(2));
    incoming.map(newPages(2));
    const place = file.write(payloadOf(1));
    file.write(payloadOf(2));
    expect(incoming.view(place)).toEqual(payloadOf(1));
    file.reserve(payloadBytes);
    expect(incoming.view(place)).toBeUndefined();
  });

  it.each<[string, Partial<PayloadPlace>]>([
    ['before the first', { position: -8 }],
    ['between two numbers', { position: 4097 }],
    ['beyond the end', { position: 1 << 30 }],
    ['beyond all files', { position: Number.MAX_SAFE_INTEGER }],
    ['with another stamp', { stamp: 2 }],
    ['longer than it is', { bytes: 1 << 24 }],
  ])('has nothing at a place %s', (_, change) => {
    file.map(newPages(2));
    incoming.map(newPages(2));
    const place = { ...file.write(payloadOf(1)), ...change };
    expect(incoming.view(place)).toBeUndefined();
  });

  it('comes into no memory that is longer than it is', () => {
    incoming.map(newPages(2));
    expect(incoming.isMapped).toBe(false);
    file.map(newPages(2));
    incoming.map(newPages(3, 4 * payloadBytes));
    expect(incoming.isMapped).toBe(false);
    incoming.map(newPages(2));
    expect(incoming.isMapped).toBe(true);
  });

  it('comes into no memory when it could be made shorter', () => {
    const unsealed = newFile(2, { ...pages, newFile: () => expect.fail('none in memory') });
    const reader = opened(unsealed);
    const memory = newPages(2);
    fs.ftruncateSync(unsealed.address.file, memory.length);
    reader.map(memory);
    unsealed.map(memory);
    expect(reader.isMapped).toBe(false);
    const place = unsealed.write(payloadOf(1));
    expect(unsealed.room(place)).toBeUndefined();
    const into = new Uint8Array(payloadBytes);
    expect(reader.read(place, into)).toBe(true);
    expect(into).toEqual(payloadOf(1));
  });

  it('leaves memory as any other behind when it is closed', () => {
    const [theirs, mine] = [newPages(2), newPages(2)];
    const another = newFile();
    another.map(theirs);
    const reader = IncomingFile.open(fs, another.address, mark, pages)!;
    reader.map(mine);
    another.write(payloadOf(1));
    expect(mine.some((byte) => byte !== 0)).toBe(true);
    reader.close();
    expect(mine.every((byte) => byte === 0)).toBe(true);
    mine.fill(1);
    expect(theirs[4096 * 3]).not.toBe(1);
  });
});

describe.skipIf(!isLinux)('a lane between two memories', () => {
  const header = { type: 'gradient', run: 'r', epoch: 0, step: 0, version: 1, start: 0 } as const;
  const figures = { length: 1, samples: 1, lossSum: 1, correct: 0, computeMs: 1 };
  const port = 7070;

  /** A coordinator with pages for one worker, and workers that have pages. */
  function newLanes() {
    const answers = newPages(slots.answers, smallestPlaced);
    const lanes = openMemoryLanes({
      incoming: new Uint8Array(smallestPlaced),
      outgoing: newPages(slots.weights, smallestPlaced),
      answers: [answers],
    })!;
    onTestFinished(() => lanes.close());
    const newWorker = () => {
      const theirs = lanes.laneOf(socketFrom('10.0.0.1', '10.0.0.1', port))!;
      const memory = new VectorMemory(1 << 20);
      const lane = new MemoryLane(`${port}`, (bytes) => new Uint8Array(bytes));
      const ofWorker: { payload: Uint8Array }[] = [];
      const ofCoordinator: { payload: Uint8Array }[] = [];
      lane.begin({
        webSocket: {},
        isIdle: () => true,
        handle: (data) => ofWorker.push(data as { payload: Uint8Array }),
        accept: () => expect.fail('nothing rings'),
        reply: (message) => theirs.arrived(message, () => expect.fail('handed on')),
      });
      lane.lend({
        weightsBytes: smallestPlaced,
        gradientBytes: smallestPlaced,
        pages: (bytes) => memory.pages(bytes),
      });
      lane.arrived(theirs.offer);
      const hear = async (version: number, payload: Uint8Array): Promise<void> => {
        theirs.leaving({ type: 'weights', version, payload });
        const [placed] = theirs.leaving({ type: 'finished', reason: 'stopped' });
        // They are told of before they are written.
        await new Promise(setImmediate);
        lane.arrived(placed);
      };
      const roomAhead = (): Uint8Array => lane.roomAhead(smallestPlaced)!;
      const tell = (): Announcement => lane.announce({ ...header, ...figures }, smallestPlaced)!;
      const arrive = ({ message }: Announcement): void =>
        theirs.arrived(message, (data) => ofCoordinator.push(data as { payload: Uint8Array }));
      const close = (): void => {
        theirs.close();
        lane.close();
      };
      return { memory, hear, roomAhead, tell, arrive, close, ofWorker, ofCoordinator };
    };
    return { answers, newWorker };
  }

  const weights = payloadOf(3, smallestPlaced);
  const buffers = (payloads: readonly { payload?: Uint8Array }[]) =>
    payloads.filter(({ payload }) => payload).map(({ payload }) => payload!.buffer);

  it('brings weights and answers without moving them', async () => {
    const { answers, newWorker } = newLanes();
    const worker = newWorker();
    await worker.hear(1, weights);
    expect(worker.ofWorker[0].payload).toEqual(weights);
    expect(buffers(worker.ofWorker)).toEqual([worker.memory.bytes(1).buffer]);
    const told = worker.tell();
    worker.arrive(told);
    expect(worker.ofCoordinator).toEqual([]);
    told.room!.set(payloadOf(5, smallestPlaced));
    told.fill(told.room!);
    await expect.poll(() => worker.ofCoordinator).toHaveLength(1);
    expect(buffers(worker.ofCoordinator)).toEqual([answers.buffer]);
    expect(worker.ofCoordinator[0].payload).toEqual(payloadOf(5, smallestPlaced));
    worker.close();
  });

  it('makes an answer where it will be told of, and keeps that place until then', async () => {
    const { newWorker } = newLanes();
    const worker = newWorker();
    await worker.hear(1, weights);
    const room = worker.roomAhead();
    // The first one came to nothing.
    expect(worker.roomAhead().byteOffset).toBe(room.byteOffset);
    room.set(payloadOf(7, smallestPlaced));
    const told = worker.tell();
    expect(told.room!.byteOffset).toBe(room.byteOffset);
    expect(worker.roomAhead().byteOffset).not.toBe(room.byteOffset);
    told.fill(told.room!);
    worker.arrive(told);
    expect(worker.ofCoordinator[0].payload).toEqual(payloadOf(7, smallestPlaced));
    worker.close();
  });

  it('has room for answers again as soon as the coordinator is done with others', async () => {
    const { newWorker } = newLanes();
    const worker = newWorker();
    await worker.hear(1, weights);
    const first = Array.from({ length: slots.answers }, worker.tell);
    expect(worker.tell()).toBeUndefined();
    for (const each of first) each.fill(weights);
    worker.arrive(first[0]);
    expect(worker.tell()).toBeDefined();
    expect(worker.tell()).toBeUndefined();
    worker.close();
  });

  it('is as it was for workers for whom there are no pages, and has pages for those who come later', async () => {
    const { answers, newWorker } = newLanes();
    const answerOf = async (worker: ReturnType<typeof newWorker>): Promise<ArrayBufferLike> => {
      await worker.hear(1, weights);
      const told = worker.tell();
      told.fill(weights);
      worker.arrive(told);
      expect(worker.ofCoordinator.at(-1)!.payload).toEqual(weights);
      return buffers(worker.ofCoordinator).at(-1)!;
    };
    const [one, other] = [newWorker(), newWorker()];
    expect(await answerOf(one)).toBe(answers.buffer);
    expect(await answerOf(other)).not.toBe(answers.buffer);
    one.close();
    expect(await answerOf(newWorker())).toBe(answers.buffer);
    other.close();
  });
});
