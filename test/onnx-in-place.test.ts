// ONNX Runtime without its copies: the same numbers, the same errors.
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it, onTestFinished } from 'vitest';
import { gradientGraph, graphNames } from '../shared/model/gradient-graph.ts';
import { gradientName } from '../shared/model/layer-graphs.ts';
import { createMlp } from '../shared/model/mlp.ts';
import { type OnnxGraph, writeOnnxModel } from '../shared/model/onnx-writer.ts';
import { fillerOf, withRefusedOutput } from '../worker/engines/onnx/in-place.ts';
import { randomSlice, randomWeights } from '../worker/engines/prove.ts';

type Tensors = Record<string, Tensor>;

const model = createMlp({ inputs: 20, hidden: [30, 10], classes: 5, activation: 'relu' });
const graph = gradientGraph(model);
const { Tensor: TensorOf, InferenceSession: Session } = await import('onnxruntime-node');

describe('a graph with an output that is refused', () => {
  it('has it in front of what it had', async () => {
    const plain = await newSession(graph);
    const refusing = await newSession(withRefusedOutput(graph, graphNames.lossSum));
    expect(refusing.inputNames).toEqual(plain.inputNames);
    expect(refusing.outputNames).toEqual(['refused', ...plain.outputNames]);
  });

  it('fills its outputs with the bits of the plain one', async () => {
    const plain = await newSession(graph);
    const refusing = await newSession(withRefusedOutput(graph, graphNames.lossSum));
    const { tensors, filled } = newOutputs();
    const fill = (await fillerOf(refusing, { feeds: feedsOf(1), outputs: tensors, filled }))!;
    for (const count of [32, 1, 7]) {
      await fill(feedsOf(count), tensors);
      const expected = (await plain.run(feedsOf(count))) as Tensors;
      for (const name of plain.outputNames) {
        expect(tensors[name].data, name).toEqual(expected[name].data);
      }
    }
  });

  it('still says what is wrong with its inputs', async () => {
    const refusing = await newSession(withRefusedOutput(graph, graphNames.lossSum));
    const { tensors, filled } = newOutputs();
    const fill = (await fillerOf(refusing, { feeds: feedsOf(1), outputs: tensors, filled }))!;
    const images = new TensorOf('uint8', new Uint8Array(6), [2, 3]);
    await expect(fill({ ...feedsOf(2), images }, tensors)).rejects.toThrow(/images/);
    await fill(feedsOf(2), tensors);
  });
});

describe('what fills outputs in place', () => {
  it('is not there for a graph that hands all of them over', async () => {
    const handing = await newSession({
      ...withRefusedOutput(graph, graphNames.lossSum),
      nodes: [
        ...graph.nodes,
        { operator: 'Identity', inputs: [graphNames.lossSum], output: 'refused', attributes: {} },
      ],
      outputs: [{ name: 'refused', type: 'float32', shape: [] }, ...graph.outputs],
    });
    const { tensors, filled } = newOutputs();
    const trial = { feeds: feedsOf(1), outputs: tensors, filled };
    expect(await fillerOf(handing, trial)).toBeUndefined();
  });

  it('is not there for a graph that fails before it has filled anything', async () => {
    const refusing = await newSession(withRefusedOutput(graph, graphNames.lossSum));
    const { tensors, filled } = newOutputs();
    const { images: _, ...feeds } = feedsOf(1);
    expect(await fillerOf(refusing, { feeds, outputs: tensors, filled })).toBeUndefined();
  });
});

async function newSession(of: OnnxGraph): Promise<InferenceSession> {
  const session = await Session.create(writeOnnxModel(of), { logSeverityLevel: 4 });
  onTestFinished(() => session.release());
  return session;
}

/** Of a slice of so many images, at the same weights. */
function feedsOf(count: number): Tensors {
  const { images, labels } = randomSlice(model, count, count);
  const weights = randomWeights(model, 1);
  return {
    [graphNames.images]: new TensorOf('uint8', images, [count, model.inputs]),
    [graphNames.labels]: new TensorOf('uint8', labels, [count]),
    ...Object.fromEntries(
      model.parameters.map(({ name, shape, offset, size }) => [
        name,
        new TensorOf('float32', weights.subarray(offset, offset + size), shape),
      ]),
    ),
  };
}

/** Memory for all of them; `filled` is that of the loss. */
function newOutputs() {
  const filled = new Float32Array(1);
  const tensors: Tensors = {
    ...Object.fromEntries(
      model.parameters.map((parameter) => [
        gradientName(parameter),
        new TensorOf('float32', new Float32Array(parameter.size), parameter.shape),
      ]),
    ),
    [graphNames.lossSum]: new TensorOf('float32', filled, []),
    [graphNames.correct]: new TensorOf('float32', new Float32Array(1), []),
  };
  return { tensors, filled };
}
