// Collects the nodes and constants of one ONNX graph and names them.
import type { ElementType, OnnxConstant, OnnxGraph, OnnxNode } from './onnx-writer.ts';
import { elementTypes } from './onnx-writer.ts';

export class GraphBuilder {
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
