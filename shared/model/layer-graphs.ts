// The nodes of each kind of layer, forward and backward.
import type { GraphBuilder } from './graph-builder.ts';
import type { ActivationLayer, Layer, Parameter } from './model.ts';

/** The output with the gradient of the summed loss with respect to `parameter`, shaped like it. */
export function gradientName(parameter: Parameter): string {
  return `${parameter.name}.gradient`;
}

/** A layer in a graph. Gradients are those of the summed loss. */
export interface LayerNodes {
  readonly output: string;
  /** Each under its `gradientName`. */
  addParameterGradients(outputGradient: string): void;
  /** Returns the gradient with respect to the layer's input. */
  addInputGradient(outputGradient: string): string;
}

/** Adds the forward pass and says how to go back through it. */
export function addLayer(
  builder: GraphBuilder,
  layer: Layer,
  input: string,
  outputName?: string,
): LayerNodes {
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
    case 'relu':
    case 'tanh':
    case 'sigmoid':
    case 'gelu':
      return addActivation(builder, layer, input, outputName);
  }
}

function addActivation(
  builder: GraphBuilder,
  { kind }: ActivationLayer,
  input: string,
  outputName?: string,
): LayerNodes {
  const node = (operator: string, ...inputs: string[]) => builder.node(operator, inputs);
  const scalar = (value: number) => builder.constant('float32', [value]);
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
