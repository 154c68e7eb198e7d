import { expect, it } from 'vitest';
import { smoothTargets } from '../shared/model/label-smoothing.ts';
import { createMlp } from '../shared/model/mlp.ts';
import { reference } from '../worker/engines/reference.ts';

it('gives every class its part of what the label gives up', () => {
  const { label, other } = smoothTargets(0.1, 10);
  expect(label).toBeCloseTo(0.91, 12);
  expect(other).toBeCloseTo(0.01, 12);
  expect(label + 9 * other).toBeCloseTo(1, 12);
  expect(smoothTargets(0, 10)).toEqual({ label: 1, other: 0 });
});

/**
 * Printed by torch 1.13 for the logits (-0.5, -1.5, 2) and the label 1:
 * CrossEntropyLoss(label_smoothing=0.3), and its gradient.
 */
it('is the loss of PyTorch', async () => {
  const model = createMlp({
    inputs: 1,
    hidden: [],
    classes: 3,
    activation: 'none',
    labelSmoothing: 0.3,
  });
  const engine = await reference.create(model);
  // A white pixel is 1.
  engine.load(Float32Array.of(-1, -1, 1, 0.5, -0.5, 1));
  const { lossSum, gradient } = await engine.gradient({
    images: Uint8Array.of(255),
    labels: Uint8Array.of(1),
  });
  expect(lossSum).toBeCloseTo(3.1564141042799556, 6);
  expect([...gradient.subarray(3)]).toEqual(
    [-0.026201295688159147, -0.7728509738985834, 0.7990522695867425].map((value) =>
      expect.closeTo(value, 6),
    ),
  );
});
