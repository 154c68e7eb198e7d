// The model's forward and backward pass written out as ONNX graphs, for any runtime that executes ONNX.
import type { Layer, Model, Parameter } from './model.ts';
import type { ElementType, OnnxConstant, OnnxGraph, OnnxNode, OnnxValue } from './onnx-writer.ts';
import { elementTypes } from './onnx-writer.ts';

/** Inputs and outputs of the graphs. Each parameter is an input too, under its own name. */
export const graphNames = {
  /** uint8 [batch, inputs]: raw pixels. */
  images: 'images',
  /** uint8 [batch]. */
  labels: 'labels',
  /** float32 [batch, classes]. */
  logits: 'logits',
  /** float32 scalar: the summed cross-entropy of the batch. */
  lossSum: 'loss_sum',
  /** float32 scalar: how many images the logits classify correctly. */
  correct: 'correct',
} as const;

/** The output with the gradient of the summed loss with respect to `parameter`, shaped like it. */
export function gradientName(parameter: Parameter): string {
  return `${parameter.name}.gradient`;
}

/** `images` and the parameters in, `logits` out. */
export function predictionGraph(model: Model): OnnxGraph {
  const builder = new GraphBuilder();
  addForward(builder, model);
  return {
    ...builder.build('prediction'),
    inputs: [imagesInput(model), ...parameterInputs(model)],
    outputs: [{ name: graphNames.logits, type: 'float32', shape: ['batch', model.classes] }],
  };
}

/** `images`, `labels` and the parameters in; each parameter's gradient, `loss_sum` and `correct` out. */
export function gradientGraph(model: Model): OnnxGraph {
  const builder = new GraphBuilder();
  const activations = addForward(builder, model);
  let gradient = addLoss(builder, model.classes);
  for (let depth = model.layers.length - 1; depth >= 0; depth--) {
    const at: LayerGradient = {
      input: activations[depth],
      output: activations[depth + 1],
      outputGradient: gradient,
    };
    addParameterGradients(builder, model.layers[depth], at);
    // Nobody needs the gradient of the images, and the first layer is the widest.
    if (depth > 0) gradient = addInputGradient(builder, model.layers[depth], at);
  }
  return {
    ...builder.build('gradient'),
    inputs: [
      imagesInput(model),
      { name: graphNames.labels, type: 'uint8', shape: ['batch'] },
      ...parameterInputs(model),
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

function parameterInputs(model: Model): OnnxValue[] {
  return model.parameters.map(({ name, shape }) => ({ name, type: 'float32', shape }));
}

/** Returns the input of every layer and, last, the logits. */
function addForward(builder: GraphBuilder, model: Model): string[] {
  // (x/255 - 0.5)/0.5
  const pixels = builder.cast(graphNames.images, 'float32');
  const scaled = builder.node('Mul', [pixels, builder.constant('float32', [2 / 255])]);
  const activations = [builder.node('Sub', [scaled, builder.constant('float32', [1])])];
  model.layers.forEach((layer, depth) => {
    const isLast = depth + 1 === model.layers.length;
    const output = isLast ? graphNames.logits : undefined;
    activations.push(addLayer(builder, layer, activations[depth], output));
  });
  return activations;
}

function addLayer(builder: GraphBuilder, layer: Layer, input: string, output?: string): string {
  switch (layer.kind) {
    case 'linear': {
      const operands = [input, layer.weight.name, layer.bias.name];
      return builder.node('Gemm', operands, { transB: 1 }, output);
    }
    case 'relu':
      return builder.node('Relu', [input], {}, output);
  }
}

/** Softmax cross-entropy: returns the gradient with respect to the logits, softmax minus one-hot label. */
function addLoss(builder: GraphBuilder, classes: number): string {
  const labels = builder.cast(graphNames.labels, 'int64');
  const logProbabilities = builder.node('LogSoftmax', [graphNames.logits], { axis: 1 });
  const minusOneHot = builder.node('OneHot', [
    labels,
    builder.constant('int64', [classes]),
    builder.constant('float32', [0, -1]),
  ]);
  const losses = builder.node('Mul', [logProbabilities, minusOneHot]);
  builder.node('ReduceSum', [losses], { keepdims: 0 }, graphNames.lossSum);

  const predicted = builder.node('ArgMax', [graphNames.logits], { axis: 1, keepdims: 0 });
  const hits = builder.cast(builder.node('Equal', [predicted, labels]), 'float32');
  builder.node('ReduceSum', [hits], { keepdims: 0 }, graphNames.correct);

  const probabilities = builder.node('Exp', [logProbabilities]);
  return builder.node('Add', [probabilities, minusOneHot]);
}

interface LayerGradient {
  readonly input: string;
  readonly output: string;
  readonly outputGradient: string;
}

function addParameterGradients(builder: GraphBuilder, layer: Layer, at: LayerGradient): void {
  switch (layer.kind) {
    case 'linear': {
      const weight = gradientName(layer.weight);
      builder.node('Gemm', [at.outputGradient, at.input], { transA: 1 }, weight);
      const overBatch = builder.constant('int64', [0]);
      const bias = gradientName(layer.bias);
      builder.node('ReduceSum', [at.outputGradient, overBatch], { keepdims: 0 }, bias);
      return;
    }
    case 'relu':
      return;
    default:
      layer satisfies never;
  }
}

function addInputGradient(builder: GraphBuilder, layer: Layer, at: LayerGradient): string {
  switch (layer.kind) {
    case 'linear':
      return builder.node('Gemm', [at.outputGradient, layer.weight.name]);
    case 'relu': {
      const zero = builder.constant('float32', [0]);
      const isActive = builder.node('Greater', [at.output, zero]);
      return builder.node('Where', [isActive, at.outputGradient, zero]);
    }
  }
}

class GraphBuilder {
  readonly #nodes: OnnxNode[] = [];
  readonly #constants: OnnxConstant[] = [];

  /** Adds a node and returns the name of its output. */
  node(
    operator: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, number>> = {},
    output = `${operator}_${this.#nodes.length}`,
  ): string {
    this.#nodes.push({ operator, inputs, output, attributes });
    return output;
  }

  cast(input: string, type: ElementType): string {
    return this.node('Cast', [input], { to: elementTypes[type] });
  }

  constant(type: OnnxConstant['type'], values: readonly number[]): string {
    const name = `constant_${this.#constants.length}`;
    this.#constants.push({ name, type, values });
    return name;
  }

  build(name: string): Pick<OnnxGraph, 'name' | 'nodes' | 'constants'> {
    return { name, nodes: this.#nodes, constants: this.#constants };
  }
}
