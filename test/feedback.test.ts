// What a worker keeps of its answers when their codec leaves most of them out.
import { beforeEach, describe, expect, it } from 'vitest';
import { ErrorFeedback } from '../shared/codecs/feedback.ts';
import { createTopK } from '../shared/codecs/topk.ts';
import { createRandom } from '../shared/random.ts';

const length = 100;
const codec = createTopK(0.1);
const random = createRandom(1, 'feedback');
let feedback: ErrorFeedback;
beforeEach(() => {
  feedback = new ErrorFeedback(codec, length);
});

function newSum(): Float32Array {
  return Float32Array.from({ length }, () => random.uniform() - 0.5);
}

const runOf = (version: number, start = 0) => ({ version, start, length: 1 });

/** What the coordinator gets. */
function answer(run: ReturnType<typeof runOf>, sum: Float32Array): Float32Array {
  const bytes = new Uint8Array(codec.byteLength(length));
  feedback.encode(run, sum, bytes);
  return codec.decode(bytes, new Float32Array(length));
}

/** In float64. */
function total(vectors: readonly Float32Array[]): number[] {
  return Array.from({ length }, (_, at) => vectors.reduce((sum, each) => sum + each[at], 0));
}

function expectClose(actual: readonly number[], expected: readonly number[]): void {
  for (const [at, value] of expected.entries()) expect(actual[at]).toBeCloseTo(value, 4);
}

/** Answers of zeros bring to light what is kept. */
function kept(): number[] {
  const zeros = Array.from({ length: 40 }, (_, at) => {
    const sent = answer(runOf(1000 + at), new Float32Array(length));
    feedback.settle(runOf(1000 + at), true);
    return sent;
  });
  return total(zeros);
}

describe('error feedback', () => {
  it('sends all in the end, though only a tenth at a time', () => {
    const sums = Array.from({ length: 50 }, newSum);
    const sent = sums.map((sum, version) => {
      const decoded = answer(runOf(version), sum);
      feedback.settle(runOf(version), true);
      return decoded;
    });
    const late = kept();
    expectClose(
      total(sent).map((value, at) => value + late[at]),
      total(sums),
    );
  });

  it('keeps nothing of an answer that does not count, also when it hears so later', () => {
    const sums = Array.from({ length: 4 }, newSum);
    const sent = sums.map((sum, version) => answer(runOf(version), sum));
    // The second one was for nothing, whatever of the first it held.
    feedback.settle(runOf(0), true);
    feedback.settle(runOf(2), true);
    feedback.settle(runOf(1), false);
    feedback.settle(runOf(3), true);
    const late = kept();
    const counted = [0, 2, 3];
    expectClose(
      total(counted.map((at) => sent[at])).map((value, at) => value + late[at]),
      total(counted.map((at) => sums[at])),
    );
  });

  it('tells runs of one step apart, and does not care for verdicts on others', () => {
    const [one, other] = [newSum(), newSum()];
    const sent = answer(runOf(1, 0), one);
    answer(runOf(1, 1), other);
    feedback.settle(runOf(1, 1), false);
    feedback.settle(runOf(1, 1), false);
    feedback.settle(runOf(7, 0), false);
    feedback.settle(runOf(1, 0), true);
    const late = kept();
    expectClose(
      [...sent].map((value, at) => value + late[at]),
      [...one],
    );
  });

  it('starts anew when it forgets', () => {
    answer(runOf(1), newSum());
    answer(runOf(2), newSum());
    feedback.forget();
    feedback.settle(runOf(1), false);
    expect(kept()).toEqual(new Array(length).fill(0));
  });

  it('does not keep what is no number once it was refused', () => {
    answer(runOf(1), newSum().fill(Number.NaN, 5, 6));
    feedback.settle(runOf(1), false);
    expect(kept().every(Number.isFinite)).toBe(true);
  });

  it('only reads the sum', () => {
    const sum = newSum();
    const before = sum.slice();
    answer(runOf(1), sum);
    expect(sum).toEqual(before);
  });
});
