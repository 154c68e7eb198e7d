// The nodes of each kind of layer, forward and backward.
import { epsilon } from './batch-norm.ts';
import type { GraphBuilder } from './graph-builder.ts';
import type { ActivationLayer, BatchNormLayer, DropoutLayer, Layer, Parameter } from './model.ts';

/** The output with the gradient of the summed loss with respect to `parameter`, shaped like it. */
export function gradientName(parameter: Parameter): string {
  return `${parameter.name}.gradient`;
}

/** The input of training, float32 [batch, width], with what the layer's values are multiplied by. */
export function dropoutMaskName({ place }: DropoutLayer): string {
  return `${place}.mask`;
}

/** A layer in a graph. Gradients are those of the summed loss. */
export interface LayerNodes {
  readonly output: string;
  /** Each under its `gradientName`. */
  addParameterGradients(outputGradient: string): void;
  /** Returns the gradient with respect to the layer's input. Comes after those of the parameters. */
  addInputGradient(outputGradient: string): string;
}

export interface LayerPlace {
  readonly input: string;
  /** Where the output must have a certain name. */
  readonly outputName?: string;
}

/** Adds the forward pass of training and says how to go back through it. */
export function addLayer(builder: GraphBuilder, layer: Layer, place: LayerPlace): LayerNodes {
  const { input, outputName } = place;
  switch (layer.kind) {
    case 'linear': {
      const { weight, bias } = layer;
      return {
        output: builder.node('Gemm', [input, weight.name, bias.name], { transB: 1 }, outputName),
        addParameterGradients: (gradient) => {
          builder.node('Gemm', [gradient, input], { transA: 1 }, gradientName(weight));
          const overBatch = builder.constant('int64', [0]);
          builder.node('ReduceSum', [gradient, overBatch], { keepdims: 0 }, gradientName(bias));
        },
        addInputGradient: (gradient) => builder.node('Gemm', [gradient, weight.name]),
      };
    }
    case 'dropout': {
      const mask = dropoutMaskName(layer);
      return {
        output: builder.node('Mul', [input, mask], {}, outputName),
        addParameterGradients: () => undefined,
        addInputGradient: (gradient) => builder.node('Mul', [gradient, mask]),
      };
    }
    case 'batch-norm':
      return addBatchNorm(builder, layer, place);
    case 'relu':
    case 'tanh':
    case 'sigmoid':
    case 'gelu':
      return addActivation(builder, layer, place);
  }
}

/**
 * Adds the forward pass of a prediction, in which batch norm uses its running statistics and nothing is dropped;
 * returns the layer's output.
 */
export function addPrediction(builder: GraphBuilder, layer: Layer, place: LayerPlace): string {
  if (layer.kind === 'dropout') return place.input;
  if (layer.kind !== 'batch-norm') return addLayer(builder, layer, place).output;
  const { node, scalar } = shorthands(builder);
  const { weight, bias, runningMean, runningVar } = layer;
  const deviation = node('Sqrt', node('Add', runningVar.name, scalar(epsilon)));
  const normalized = node('Div', node('Sub', place.input, runningMean.name), deviation);
  const scaled = node('Mul', normalized, weight.name);
  return builder.node('Add', [scaled, bias.name], {}, place.outputName);
}

/** With x the input, n the samples, z = (x - mean) / sqrt(variance + epsilon): z * weight + bias. */
function addBatchNorm(
  builder: GraphBuilder,
  layer: BatchNormLayer,
  { input, outputName }: LayerPlace,
): LayerNodes {
  const { weight, bias, runningMean, runningVar } = layer;
  const { node, scalar } = shorthands(builder);
  const sumOverBatch = (values: string, name?: string) =>
    builder.node('ReduceSum', [values, builder.constant('int64', [0])], { keepdims: 0 }, name);
  const shape = node('Shape', input);
  const samples = builder.cast(node('Gather', shape, builder.constant('int64', [0])), 'float32');

  const mean = node('Div', sumOverBatch(input, gradientName(runningMean)), samples);
  const centred = node('Sub', input, mean);
  const squares = sumOverBatch(node('Mul', centred, centred));
  const variance = node('Div', squares, samples);
  const deviation = node('Sqrt', node('Add', variance, scalar(epsilon)));
  const normalized = node('Div', centred, deviation);
  const scaled = node('Mul', normalized, weight.name);
  return {
    output: builder.node('Add', [scaled, bias.name], {}, outputName),
    // And n times the unbiased variance, in the place of the gradient that a buffer does not have.
    addParameterGradients: (gradient) => {
      sumOverBatch(gradient, gradientName(bias));
      sumOverBatch(node('Mul', gradient, normalized), gradientName(weight));
      const others = node('Max', node('Sub', samples, scalar(1)), scalar(1));
      const correction = node('Div', samples, others);
      builder.node('Mul', [squares, correction], {}, gradientName(runningVar));
    },
    // The mean and the variance depend on x, too: weight / deviation * (g - mean(g) - z * mean(g * z)).
    addInputGradient: (gradient) => {
      const common = node('Div', gradientName(bias), samples);
      const along = node('Div', gradientName(weight), samples);
      const rest = node('Sub', node('Sub', gradient, common), node('Mul', normalized, along));
      return node('Mul', rest, node('Div', weight.name, deviation));
    },
  };
}

function addActivation(
  builder: GraphBuilder,
  { kind }: ActivationLayer,
  { input, outputName }: LayerPlace,
): LayerNodes {
  const { node, scalar } = shorthands(builder);
  const addParameterGradients = () => undefined;
  switch (kind) {
    case 'relu': {
      const output = builder.node('Relu', [input], {}, outputName);
      const addInputGradient = (gradient: string) => {
        const zero = scalar(0);
        return node('Where', node('Greater', output, zero), gradient, zero);
      };
      return { output, addParameterGradients, addInputGradient };
    }
    case 'tanh': {
      // The derivative is 1 - tanh(x)^2.
      const output = builder.node('Tanh', [input], {}, outputName);
      const addInputGradient = (gradient: string) =>
        node('Mul', gradient, node('Sub', scalar(1), node('Mul', output, output)));
      return { output, addParameterGradients, addInputGradient };
    }
    case 'sigmoid': {
      // The derivative is sigmoid(x) * (1 - sigmoid(x)).
      const output = builder.node('Sigmoid', [input], {}, outputName);
      const addInputGradient = (gradient: string) =>
        node('Mul', gradient, node('Mul', output, node('Sub', scalar(1), output)));
      return { output, addParameterGradients, addInputGradient };
    }
    case 'gelu': {
      // x * Phi(x) with Phi(x) = (1 + erf(x / sqrt(2))) / 2; the derivative is Phi(x) + x * phi(x).
      const erf = node('Erf', node('Mul', input, scalar(Math.SQRT1_2)));
      const below = node('Mul', node('Add', erf, scalar(1)), scalar(0.5));
      const output = builder.node('Mul', [input, below], {}, outputName);
      const addInputGradient = (gradient: string) => {
        const bell = node('Exp', node('Mul', node('Mul', input, input), scalar(-0.5)));
        const density = node('Mul', bell, scalar(1 / Math.sqrt(2 * Math.PI)));
        return node('Mul', gradient, node('Add', below, node('Mul', input, density)));
      };
      return { output, addParameterGradients, addInputGradient };
    }
  }
}

function shorthands(builder: GraphBuilder) {
  return {
    node: (operator: string, ...inputs: string[]) => builder.node(operator, inputs),
    scalar: (value: number) => builder.constant('float32', [value]),
  };
}
