// What becomes of a gradient's bytes before the core sees them.
import { expect, it } from 'vitest';
import { answerEvent } from '../coordinator/answer-event.ts';
import { bfloat16 } from '../shared/codecs/bfloat16.ts';
import { createTopK } from '../shared/codecs/topk.ts';
import type { GradientMessage, ShardRun } from '../shared/protocol.ts';

const codec = createTopK(0.5);
const decoded = new Float32Array(4);
const desk = () => decoded;
const payload = new Uint8Array(codec.byteLength(4));
codec.encode(Float32Array.of(0, 127, 0, -3), payload, 0);
const message: GradientMessage = {
  type: 'gradient',
  run: 'mnist-1',
  ...{ epoch: 0, step: 0, version: 0, start: 0, length: 1 },
  ...{ samples: 1, lossSum: 0, correct: 0, computeMs: 1 },
  payload,
};

function gradientOf(bytes: Uint8Array): number[] {
  const expected = { run: 'mnist-1', codec, desk };
  const event = answerEvent('w1', { ...message, payload: bytes }, expected);
  if (event.type !== 'answer') throw new Error(`it became ${event.type}`);
  return [...event.answer.gradient];
}

it('is decoded in its place', () => {
  expect(gradientOf(payload)).toEqual([0, 127, 0, -3]);
  expect([...decoded]).toEqual([0, 127, 0, -3]);
});

it('comes with its squares where decoding tells', () => {
  const halves = new Uint8Array(8);
  bfloat16.encode(Float32Array.of(1, -2, 0, 3), halves, 0);
  const into = new Float32Array(4);
  const expected = { run: 'mnist-1', codec: bfloat16, desk: () => into };
  expect(answerEvent('w1', { ...message, payload: halves }, expected)).toMatchObject({
    answer: { gradient: Float32Array.of(1, -2, 0, 3), squares: 14 },
  });
  expect(answerEvent('w1', { ...message, payload: halves.subarray(2) }, expected)).toMatchObject({
    answer: { gradient: new Float32Array(0) },
  });
});

it('comes added to what is beside its run, which stays as it was', () => {
  const halves = new Uint8Array(8);
  bfloat16.encode(Float32Array.of(1, -2, 0, 3), halves, 0);
  const into = new Float32Array(4);
  const other = Float32Array.of(256, 1, 1, 1);
  const expected = {
    run: 'mnist-1',
    codec: bfloat16,
    desk: () => into,
    beside: ({ version, start, length }: { version: number } & ShardRun) =>
      version === 0 && start === 0 && length === 1 ? other : undefined,
  };
  expect(answerEvent('w1', { ...message, payload: halves }, expected)).toMatchObject({
    // 257 has no bfloat16.
    answer: { gradient: Float32Array.of(256, -1, 1, 4), squares: 14, isJoined: true },
  });
  expect(other).toEqual(Float32Array.of(256, 1, 1, 1));
  expect(answerEvent('w1', { ...message, start: 1, payload: halves }, expected)).toMatchObject({
    answer: { gradient: Float32Array.of(1, -2, 0, 3), squares: 14, isJoined: false },
  });
});

it('is one without values, which the core refuses by its length, when the codec knows no such bytes', () => {
  expect(gradientOf(payload.subarray(1))).toEqual([]);
  expect(gradientOf(new Uint8Array(payload.length + 8))).toEqual([]);
  expect(gradientOf(payload.with(payload.length - 1, 0xff))).toEqual([]);
});

it('of another run is refused as that', () => {
  expect(answerEvent('w1', message, { run: 'mnist-2', codec, desk })).toEqual({
    type: 'bad-message',
    worker: 'w1',
    reason: 'foreign',
  });
});
