import { describe, expect, it } from 'vitest';
import { TrainingData } from '../worker/training-data.ts';

/** Ten blocks of four images of two bytes, the last one half full. */
const labels = Uint8Array.from({ length: 38 }, (_, index) => index);

describe('the training data of a worker', () => {
  it('is loaded when the blocks of all samples are here, each brought once', async () => {
    const { data, asked, deliver } = newData();
    const first = data.load([Uint32Array.of(0, 5), Uint32Array.of(3)]);
    const second = data.load([Uint32Array.of(4)]);
    expect(asked).toEqual([0, 1]);
    await deliver(0);
    await deliver(1);
    await Promise.all([first, second]);
    await data.load([Uint32Array.of(7, 0)]);
    expect(asked).toEqual([0, 1]);
    expect(data.slice(Uint32Array.of(5, 0))).toEqual({
      images: Uint8Array.of(10, 11, 0, 1),
      labels: Uint8Array.of(5, 0),
    });
  });

  it('has the images of its last block, which is short', async () => {
    const { data, deliver } = newData();
    const arrival = data.load([Uint32Array.of(37)]);
    await deliver(9);
    await arrival;
    expect([...data.slice(Uint32Array.of(37)).images]).toEqual([74, 75]);
  });

  it('says so when a sample is used before it is loaded', () => {
    const { data } = newData();
    expect(() => data.slice(Uint32Array.of(9))).toThrow('sample 9 is used before it is loaded');
  });

  it('has four blocks on their way at a time', async () => {
    const { data, asked, deliver } = newData();
    void data.load([Uint32Array.from(labels)]);
    expect(asked).toEqual([0, 1, 2, 3]);
    await deliver(2);
    expect(asked).toEqual([0, 1, 2, 3, 4]);
  });

  it('comes for a lease first, in the background only after that', async () => {
    const { data, asked, deliver } = newData();
    data.prefer([{ start: 0, end: 38 }]);
    expect(asked).toEqual([0, 1, 2, 3]);
    const arrival = data.load([Uint32Array.of(37, 12)]);
    await deliver(0);
    expect(asked.at(-1)).toBe(9);
    await deliver(9);
    expect(asked.at(-1)).toBe(4);
    // One that was on its way in the background is waited for, not brought again.
    await deliver(3);
    await arrival;
    expect(asked).toEqual([0, 1, 2, 3, 9, 4, 5]);
  });

  it('comes in the background from where it was asked for last', async () => {
    const { data, asked, deliver } = newData();
    data.prefer([{ start: 0, end: 38 }]);
    data.prefer([{ start: 27, end: 29 }]);
    for (const block of [0, 1, 2, 3, 6, 7]) await deliver(block);
    expect(asked).toEqual([0, 1, 2, 3, 6, 7]);
  });

  it('does without a block that does not come in the background, until somebody needs it', async () => {
    const { data, asked, deliver, fail } = newData();
    data.prefer([{ start: 8, end: 9 }]);
    await fail(2, new Error('the coordinator is away'));
    expect(asked).toEqual([2]);
    const refused = data.load([Uint32Array.of(8)]);
    expect(asked).toEqual([2, 2]);
    refused.catch(() => undefined);
    await fail(2, new Error('still away'));
    await expect(refused).rejects.toThrow('still away');
    const arrival = data.load([Uint32Array.of(8)]);
    await deliver(2);
    await arrival;
  });

  it('brings nothing more once it is closed, and keeps nobody waiting', async () => {
    const { data, asked, deliver } = newData();
    const arrival = data.load([Uint32Array.from(labels)]);
    data.close();
    await expect(arrival).rejects.toThrow('not needed any more');
    await deliver(0);
    expect(asked).toEqual([0, 1, 2, 3]);
  });
});

/** Blocks come and fail when a test says so. */
function newData() {
  const asked: number[] = [];
  const ends = new Map<number, { deliver(): void; fail(error: Error): void }>();
  const data = new TrainingData({
    labels,
    imageBytes: 2,
    imagesPerBlock: 4,
    bring: (block, take) => {
      asked.push(block);
      return new Promise((resolve, reject) => {
        const length = block === 9 ? 4 : 8;
        const images = Uint8Array.from({ length }, (_, at) => 8 * block + at);
        const deliver = (): void => {
          take(images);
          resolve();
        };
        ends.set(block, { deliver, fail: reject });
      });
    },
  });
  const deliver = async (block: number): Promise<void> => {
    ends.get(block)?.deliver();
    await allIsDone();
  };
  const fail = async (block: number, error: Error): Promise<void> => {
    ends.get(block)?.fail(error);
    await allIsDone();
  };
  return { data, asked, deliver, fail };
}

function allIsDone(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
