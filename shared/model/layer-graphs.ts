// The nodes of each kind of layer, forward and backward.
import type { GraphBuilder } from './graph-builder.ts';
import type { Layer, Parameter } from './model.ts';

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
    case 'relu': {
      const output = builder.node('Relu', [input], {}, outputName);
      return {
        output,
        addParameterGradients: () => undefined,
        addInputGradient: (gradient) => {
          const zero = builder.constant('float32', [0]);
          const isActive = builder.node('Greater', [output, zero]);
          return builder.node('Where', [isActive, gradient, zero]);
        },
      };
    }
  }
}
