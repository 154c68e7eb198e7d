// A worker's end of the way through memory, and a coordinator that says what it likes.
import fs from 'node:fs';
import * as v from 'valibot';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type FileAddress, IncomingFile, type OutgoingFile } from '../shared/memory-file.ts';
import { memoryAnswerSchema, placedSchema, smallestPlaced } from '../shared/memory-messages.ts';
import type { GradientMessage } from '../shared/protocol.ts';
import { MemoryLane } from '../worker/memory-lane.ts';
import { newFileFor, otherMark } from './memory-sharer.ts';

const port = 7070;
const counter = 3;
const mark = '0a'.repeat(32);
const weights = Uint8Array.from({ length: 100_000 }, (_, at) => at);
const weightsMessage = { type: 'weights', version: 3 };
const lease = { type: 'lease', version: 3 };

function gradientOf(length = smallestPlaced, byte = 1): GradientMessage {
  const run = { run: 'mnist-1', epoch: 0, step: 0, version: 3, start: 0, length: 1 };
  const payload = new Uint8Array(length).fill(byte);
  return { type: 'gradient', ...run, samples: 1, lossSum: 1, correct: 0, computeMs: 1, payload };
}

/** A lane, the coordinator's file, and all that came out on both sides. */
function newLane(roomFor?: (bytes: number) => Uint8Array | undefined) {
  const file = newFileFor({ onTestFinished }, { mark });
  const lane = new MemoryLane(`${port}`, (bytes) => new Uint8Array(bytes));
  onTestFinished(() => lane.close());
  const [handled, replies]: [unknown[], unknown[]] = [[], []];
  lane.begin({
    webSocket: {},
    isIdle: () => true,
    handle: (data) => handled.push(data),
    accept: () => expect.fail('nothing rings'),
    reply: (message) => replies.push(message),
    roomFor,
  });
  const arrive = (data: unknown): void => lane.arrived(data);
  const offer = { type: 'memory', ...file.address, mark, port, counter };
  /** The coordinator is done with so many answers. */
  const done = (answers: number): void => file.count(counter, answers);
  done(0);
  return { file, lane, handled, replies, arrive, offer, done };
}

/** As `newLane`, whose coordinator has placed something. */
function newOpenLane() {
  const all = newLane();
  all.arrive(all.offer);
  all.arrive(placedIn(all.file));
  const incoming = IncomingFile.open(fs, answerIn(all.replies), Buffer.from(mark, 'hex'))!;
  onTestFinished(() => incoming.close());
  const read = (message: unknown): Uint8Array | undefined => {
    const { place } = v.parse(placedSchema, message);
    const payload = new Uint8Array(place.bytes);
    return incoming.read(place, payload) ? payload : undefined;
  };
  return { ...all, read };
}

function placedIn(file: OutgoingFile) {
  return { type: 'placed', message: weightsMessage, place: file.write(weights), next: lease };
}

function answerIn(replies: readonly unknown[]): FileAddress {
  return v.parse(memoryAnswerSchema, replies[0]);
}

describe.skipIf(process.platform !== 'linux')('a lane of a worker', () => {
  it('answers an offer, and hands on what is placed for it and what comes behind', () => {
    const { handled, replies, arrive, offer, file } = newLane();
    arrive(offer);
    expect(replies).toEqual([{ type: 'memory', process: process.pid, file: expect.any(Number) }]);
    expect(handled).toEqual([]);
    arrive(placedIn(file));
    expect(handled).toEqual([{ ...weightsMessage, payload: weights }, lease]);
  });

  it('puts it where the worker wants it', () => {
    const wanted = new Uint8Array(weights.length);
    const { handled, arrive, offer, file } = newLane((bytes) => {
      expect(bytes).toBe(weights.length);
      return wanted;
    });
    arrive(offer);
    arrive(placedIn(file));
    expect(wanted).toEqual(weights);
    expect((handled[0] as GradientMessage).payload).toBe(wanted);
  });

  it('waits for weights that are told of before they are there, and not for ever', () => {
    const { handled, arrive, offer, file } = newLane();
    arrive(offer);
    const { place: _, ...placed } = placedIn(file);
    arrive({ ...placed, place: file.reserve(weights.length) });
    expect(handled).toEqual([lease]);
  });

  it('hands on what is behind a payload that has been written over, and not the payload', () => {
    const { handled, arrive, offer, file } = newLane();
    arrive(offer);
    const placed = placedIn(file);
    file.write(weights);
    arrive(placed);
    expect(handled).toEqual([lease]);
  });

  it('sends gradients through memory when something has come that way, and not before', () => {
    const { lane, replies, arrive, offer, file } = newLane();
    const gradient = gradientOf();
    const isOpen = [lane.isOpen];
    arrive(offer);
    isOpen.push(lane.isOpen);
    expect(lane.leaving(gradient)).toBe(gradient);
    arrive(placedIn(file));
    isOpen.push(lane.isOpen);
    expect(isOpen).toEqual([false, false, true]);
    const { payload, ...rest } = gradient;
    const place = { position: expect.any(Number), bytes: payload.length, stamp: 1 };
    expect(lane.leaving(gradient)).toEqual({ type: 'placed', message: rest, place });
    expect(replies).toHaveLength(1);
  });

  it('has read a payload when it says where that is', () => {
    const { lane, read } = newOpenLane();
    const gradient = gradientOf(70_001, 7);
    const placed = lane.leaving(gradient);
    gradient.payload.fill(0);
    expect(read(placed)).toEqual(gradientOf(70_001, 7).payload);
  });

  it('tells of a payload before there is one, where one of its length was', () => {
    const { lane, done, read } = newOpenLane();
    const { payload, ...header } = gradientOf(70_001, 7);
    const announce = () => lane.announce(header, payload.length);
    expect(announce()).toBeUndefined();
    // All places are taken once.
    for (let at = 0; at < 4; at++) lane.leaving(gradientOf(70_001, at));
    expect(announce()).toBeUndefined();
    done(1);
    const { message, fill } = announce()!;
    expect(message).toMatchObject({ type: 'placed', message: header });
    expect(read(message)).toBeUndefined();
    fill(payload);
    expect(read(message)).toEqual(payload);
  });

  it('tells of no more payloads than there is room for before the coordinator is done with others', () => {
    const { lane, done } = newOpenLane();
    for (let at = 0; at < 4; at++) lane.leaving(gradientOf());
    done(4);
    const { payload, ...header } = gradientOf();
    const told = [1, 2, 3, 4, 5].map(() => lane.announce(header, payload.length) !== undefined);
    expect(told).toEqual([true, true, true, true, false]);
  });

  it('leaves to the socket what is small, and what has no payload', () => {
    const { lane } = newOpenLane();
    const messages = [gradientOf(smallestPlaced - 1), { type: 'leave', reason: 'bored' } as const];
    for (const message of messages) expect(lane.leaving(message)).toBe(message);
  });

  it('writes nothing over before the coordinator is done with it', () => {
    const { lane, arrive, done, read } = newOpenLane();
    const gradients = [1, 2, 3, 4, 5].map((byte) => gradientOf(smallestPlaced, byte));
    const left = gradients.map((gradient) => lane.leaving(gradient));
    expect(left[4]).toBe(gradients[4]);
    expect(left.slice(0, 4).map((placed) => read(placed)?.[0])).toEqual([1, 2, 3, 4]);
    arrive({ type: 'standby' });
    expect(lane.leaving(gradients[4])).toBe(gradients[4]);
    done(1);
    expect(read(lane.leaving(gradients[4]))?.[0]).toBe(5);
  });

  it.for<[string, object]>([
    ['another port', { port: port + 1 }],
    ['a file that is not there', { file: 1_000_000 }],
    ['a process that is not here', { process: 2 ** 40 }],
    ['another mark', { mark: otherMark }],
  ])('does nothing with an offer of %s, and goes on through the socket', ([, change]) => {
    const { lane, handled, replies, arrive, offer, file } = newLane();
    arrive({ ...offer, ...change });
    expect([handled, replies]).toEqual([[], []]);
    arrive(lease);
    // Of no use to somebody who has not answered, as any message that it does not know.
    const placed = placedIn(file);
    arrive(placed);
    expect(handled).toEqual([lease, placed]);
    expect(lane.isOpen).toBe(false);
    const gradient = gradientOf();
    expect(lane.leaving(gradient)).toBe(gradient);
  });

  it.for<[string, object]>([
    ['a mark that is none', { mark: mark.slice(1) }],
    ['a port in words', { port: '7070' }],
    ['a process below all', { process: -1 }],
    ['a counter that no file has', { counter: 500 }],
    ['more than that', { isAdmin: true }],
  ])('takes an offer with %s for any other message', ([, change]) => {
    const { handled, replies, arrive, offer } = newLane();
    arrive({ ...offer, ...change });
    expect(handled).toEqual([{ ...offer, ...change }]);
    expect(replies).toEqual([]);
  });

  it.for<[string, object]>([
    ['in no place', { position: 0 }],
    ['without a stamp', { stamp: 0 }],
    ['of half a byte', { bytes: 0.5 }],
  ])('takes something placed %s for any other message', ([, change]) => {
    const { handled, arrive, offer, file } = newLane();
    arrive(offer);
    const placed = placedIn(file);
    const changed = { ...placed, place: { ...placed.place, ...change } };
    arrive(changed);
    expect(handled).toEqual([changed]);
  });

  it('passes over what is placed where nothing can be', () => {
    const { handled, arrive, offer, file } = newLane();
    arrive(offer);
    const placed = placedIn(file);
    for (const position of [1, 1 << 30, Number.MAX_SAFE_INTEGER]) {
      arrive({ ...placed, place: { ...placed.place, position } });
    }
    expect(handled).toEqual([lease, lease, lease]);
  });

  it('begins anew with another offer, and keeps nothing open when it is closed', () => {
    const openFiles = () => fs.readdirSync('/proc/self/fd').length;
    const { lane, replies, arrive, offer, file } = newLane();
    const before = openFiles();
    for (let time = 0; time < 3; time++) arrive(offer);
    expect(replies).toHaveLength(3);
    expect(openFiles()).toBe(before + 2);
    arrive(placedIn(file));
    lane.close();
    expect(openFiles()).toBe(before);
    expect(lane.isOpen).toBe(false);
    const gradient = gradientOf();
    expect(lane.leaving(gradient)).toBe(gradient);
  });
});
