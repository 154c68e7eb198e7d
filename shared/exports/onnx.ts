// The network as one ONNX file that knows its weights and how pixels are scaled.
import type { ExportFormat, TrainedNetwork } from '../contracts.ts';
import { graphNames, predictionGraph } from '../model/gradient-graph.ts';
import type { Model } from '../model/model.ts';
import { type OnnxGraph, type OnnxNode, writeOnnxModel } from '../model/onnx-writer.ts';
import { modelToTensors } from '../model/state-dict.ts';

const probabilitiesName = 'probabilities';

const doc =
  'A classifier of images trained by tutti. Feed raw pixels, row by row: the graph scales them. ' +
  'The names of the classes are in the metadata, as JSON.';

/** `images` in, `logits` and `probabilities` out; weights keep their names of the state dict. */
export const onnx = {
  title: 'ONNX model',
  suffix: '.onnx',
  encode({ model, weights, classNames, run }: TrainedNetwork): Uint8Array {
    return writeOnnxModel(inferenceGraph(model, weights), {
      doc,
      metadata: { ...(run !== undefined && { run }), class_names: JSON.stringify(classNames) },
    });
  },
} satisfies ExportFormat;

/** The graph that engines predict with, its parameters no longer inputs. */
function inferenceGraph(model: Model, weights: Float32Array): OnnxGraph {
  const { inputs, nodes, outputs, ...graph } = predictionGraph(model);
  // The other inputs are the parameters.
  const [images] = inputs;
  const [logits] = outputs;
  const softmax: OnnxNode = {
    operator: 'Softmax',
    inputs: [graphNames.logits],
    output: probabilitiesName,
    attributes: { axis: 1 },
  };
  return {
    ...graph,
    inputs: [{ ...images, doc: `Pixels from 0 to 255, ${model.inputs} an image.` }],
    initializers: modelToTensors(model, weights),
    nodes: [...nodes, softmax],
    outputs: [
      { ...logits, doc: 'Unscaled log-probabilities.' },
      { ...logits, name: probabilitiesName, doc: 'Of each class; the sum of a row is 1.' },
    ],
  };
}
