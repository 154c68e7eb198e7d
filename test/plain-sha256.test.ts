import { hash } from 'node:crypto';
import { expect, it } from 'vitest';
import { createMlp } from '../shared/model/mlp.ts';
import { sha256 } from '../worker/browser/plain-sha256.ts';
import { randomSlice } from '../worker/engines/prove.ts';

it('is SHA-256 of any number of bytes, wherever they begin', () => {
  const model = createMlp({ inputs: 784, hidden: [], classes: 10, activation: 'none' });
  const { images } = randomSlice(model, 10, 1);
  for (let length = 0; length < 200; length++) {
    const bytes = images.subarray(length, 2 * length);
    expect(sha256(bytes)).toBe(hash('sha256', bytes));
  }
  expect(sha256(images)).toBe(hash('sha256', images));
});
