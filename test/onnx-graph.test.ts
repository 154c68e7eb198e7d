import type { Tensor } from 'onnxruntime-node';
import { describe, expect, it, onTestFinished } from 'vitest';
import { gradientGraph, predictionGraph } from '../shared/model/gradient-graph.ts';
import { createMlp } from '../shared/model/mlp.ts';
import { type OnnxGraph, writeOnnxModel } from '../shared/model/onnx-writer.ts';

const tiny = { inputs: 6, hidden: [5], classes: 3, activation: 'relu' } as const;
const smallMlp = createMlp({ inputs: 6, hidden: [5, 4], classes: 3, activation: 'relu' });

describe('the ONNX graphs', () => {
  it('name their inputs and outputs after the state dict', async () => {
    const parameters = ['0.weight', '0.bias', '2.weight', '2.bias', '4.weight', '4.bias'];
    const gradient = await newSession(gradientGraph(smallMlp));
    expect(gradient.inputNames).toEqual(['images', 'labels', ...parameters]);
    expect(gradient.outputNames).toEqual([
      ...parameters.map((parameter) => `${parameter}.gradient`),
      'loss_sum',
      'correct',
    ]);
    const prediction = await newSession(predictionGraph(smallMlp));
    expect(prediction.inputNames).toEqual(['images', ...parameters]);
    expect(prediction.outputMetadata).toMatchObject([
      { name: 'logits', type: 'float32', shape: ['batch', 3] },
    ]);
  });

  it('take running statistics for predictions alone, and put those of the slice in their place', async () => {
    const model = createMlp({ ...tiny, batchNorm: true });
    const running = ['1.running_mean', '1.running_var'];
    const trained = ['0.weight', '0.bias', '1.weight', '1.bias', '3.weight', '3.bias'];
    const prediction = await newSession(predictionGraph(model));
    expect(prediction.inputNames).toEqual(['images', ...trained, ...running]);
    const gradient = await newSession(gradientGraph(model));
    expect(gradient.inputNames).toEqual(['images', 'labels', ...trained]);
    expect(gradient.outputNames).toEqual([
      ...[...trained, ...running].map((parameter) => `${parameter}.gradient`),
      'loss_sum',
      'correct',
    ]);
  });

  it('write integers of any sign and size, and floats', async () => {
    const { Tensor } = await import('onnxruntime-node');
    const values = [0, 127, 128, -1, -(2 ** 40), Number.MAX_SAFE_INTEGER];
    const session = await newSession({
      name: 'constants',
      inputs: [{ name: 'x', type: 'int64', shape: ['count'] }],
      constants: [
        { name: 'integers', type: 'int64', values },
        { name: 'floats', type: 'float32', values: [0.1, -3.5] },
      ],
      nodes: [
        { operator: 'Add', inputs: ['x', 'integers'], output: 'sum', attributes: {} },
        { operator: 'Softmax', inputs: ['floats'], output: 'softmax', attributes: { axis: -1 } },
      ],
      outputs: [
        { name: 'sum', type: 'int64', shape: ['count'] },
        { name: 'softmax', type: 'float32', shape: [2] },
      ],
    });
    const x = new Tensor('int64', new BigInt64Array(values.length), [values.length]);
    const results = await session.run({ x });
    expect(results.sum.data).toEqual(BigInt64Array.from(values, BigInt));
    expect((results.softmax as Tensor).data[0]).toBeCloseTo(1 / (1 + Math.exp(-3.6)), 6);
  });
});

async function newSession(graph: OnnxGraph) {
  const { InferenceSession } = await import('onnxruntime-node');
  const session = await InferenceSession.create(writeOnnxModel(graph));
  onTestFinished(() => session.release());
  return session;
}
