// The model's forward and backward pass written out as ONNX graphs, for any runtime that executes ONNX.
import { GraphBuilder } from './graph-builder.ts';
import { smoothTargets } from './label-smoothing.ts';
import {
  addLayer,
  addPrediction,
  dropoutMaskName,
  gradientName,
  type LayerNodes,
  type LayerPlace,
} from './layer-graphs.ts';
import { type DropoutLayer, dropoutsOf, type Layer, type Model, type Parameter } from './model.ts';
import type { OnnxGraph, OnnxValue } from './onnx-writer.ts';

/** Inputs and outputs of the graphs. Parameters are inputs too, under their own names. */
export const graphNames = {
  /** uint8 [batch, inputs]: raw pixels. */
  images: 'images',
  /** float32 [batch, varying]: what the pixels become, of the inputs that a narrow graph goes over. */
  scaledImages: 'scaled_images',
  /** uint8 [batch]. */
  labels: 'labels',
  /** float32 [batch, classes]. */
  logits: 'logits',
  /** float32 scalar: the summed cross-entropy of the batch. */
  lossSum: 'loss_sum',
  /** float32 scalar: how many images the logits classify correctly. */
  correct: 'correct',
} as const;

/** `images` and the parameters in, `logits` out. */
export function predictionGraph(model: Model): OnnxGraph {
  const builder = new GraphBuilder();
  addForward(model, addScaling(builder), (layer, place) => addPrediction(builder, layer, place));
  return {
    ...builder.build('prediction'),
    inputs: [imagesInput(model), ...parameterInputs(model.parameters)],
    outputs: [{ name: graphNames.logits, type: 'float32', shape: ['batch', model.classes] }],
  };
}

/**
 * `images`, `labels`, the masks of dropout and the parameters but the buffers in; each parameter's gradient, `loss_sum` and `correct` out.
 * In the place of a buffer's gradient: the samples times the statistic of these images.
 */
export function gradientGraph(model: Model): OnnxGraph {
  const builder = new GraphBuilder();
  return gradientGraphFrom(builder, model, addScaling(builder), imagesInput(model));
}

/** The same over any number of inputs, of which the first layer has the weights and their gradient: `scaledImages` in. */
export function narrowGradientGraph(model: Model): OnnxGraph {
  const varying = 'varying';
  const graph = gradientGraphFrom(new GraphBuilder(), model, graphNames.scaledImages, {
    name: graphNames.scaledImages,
    type: 'float32',
    shape: ['batch', varying],
  });
  const [first] = model.parameters;
  const narrow = (value: OnnxValue): OnnxValue =>
    value.name === first.name || value.name === gradientName(first)
      ? { ...value, shape: [value.shape[0], varying] }
      : value;
  return { ...graph, inputs: graph.inputs.map(narrow), outputs: graph.outputs.map(narrow) };
}

function gradientGraphFrom(
  builder: GraphBuilder,
  model: Model,
  input: string,
  images: OnnxValue,
): OnnxGraph {
  const layers: LayerNodes[] = [];
  addForward(model, input, (layer, place) => {
    const nodes = addLayer(builder, layer, place);
    layers.push(nodes);
    return nodes.output;
  });
  let gradient = addLoss(builder, model);
  for (let depth = layers.length - 1; depth >= 0; depth--) {
    layers[depth].addParameterGradients(gradient);
    // Nobody needs the gradient of the images, and the first layer is the widest.
    if (depth > 0) gradient = layers[depth].addInputGradient(gradient);
  }
  return {
    ...builder.build('gradient'),
    inputs: [
      images,
      { name: graphNames.labels, type: 'uint8', shape: ['batch'] },
      ...dropoutsOf(model).map(maskInput),
      ...parameterInputs(model.parameters.filter(({ offset }) => offset < model.trainableCount)),
    ],
    outputs: [
      ...model.parameters.map(
        (parameter): OnnxValue => ({
          name: gradientName(parameter),
          type: 'float32',
          shape: parameter.shape,
        }),
      ),
      { name: graphNames.lossSum, type: 'float32', shape: [] },
      { name: graphNames.correct, type: 'float32', shape: [] },
    ],
  };
}

function imagesInput(model: Model): OnnxValue {
  return { name: graphNames.images, type: 'uint8', shape: ['batch', model.inputs] };
}

function maskInput(layer: DropoutLayer): OnnxValue {
  return { name: dropoutMaskName(layer), type: 'float32', shape: ['batch', layer.width] };
}

function parameterInputs(parameters: readonly Parameter[]): OnnxValue[] {
  return parameters.map(({ name, shape }) => ({ name, type: 'float32', shape }));
}

/** (x/255 - 0.5)/0.5 is x times this, minus one. */
export const pixelFactor = 2 / 255;

function addScaling(builder: GraphBuilder): string {
  const pixels = builder.cast(graphNames.images, 'float32');
  const scaled = builder.node('Mul', [pixels, builder.constant('float32', [pixelFactor])]);
  return builder.node('Sub', [scaled, builder.constant('float32', [1])]);
}

/** Adds layer after layer; the last one's output is the logits. `add` returns the name of a layer's output. */
function addForward(
  model: Model,
  images: string,
  add: (layer: Layer, place: LayerPlace) => string,
): void {
  let input = images;
  for (const layer of model.layers) {
    const outputName = layer === model.layers.at(-1) ? graphNames.logits : undefined;
    input = add(layer, { input, outputName });
  }
}

/** Softmax cross-entropy: returns the gradient with respect to the logits, softmax minus targets. */
function addLoss(builder: GraphBuilder, { classes, labelSmoothing }: Model): string {
  const targets = smoothTargets(labelSmoothing, classes);
  const labels = builder.cast(graphNames.labels, 'int64');
  const logProbabilities = builder.node('LogSoftmax', [graphNames.logits], { axis: 1 });
  const minusTargets = builder.node('OneHot', [
    labels,
    builder.constant('int64', [classes]),
    builder.constant('float32', [-targets.other, -targets.label]),
  ]);
  const losses = builder.node('Mul', [logProbabilities, minusTargets]);
  builder.node('ReduceSum', [losses], { keepdims: 0 }, graphNames.lossSum);

  const predicted = builder.node('ArgMax', [graphNames.logits], { axis: 1, keepdims: 0 });
  const hits = builder.cast(builder.node('Equal', [predicted, labels]), 'float32');
  builder.node('ReduceSum', [hits], { keepdims: 0 }, graphNames.correct);

  const probabilities = builder.node('Exp', [logProbabilities]);
  return builder.node('Add', [probabilities, minusTargets]);
}
