// The reference network: Linear layers with an activation between them.
import type { ActivationName, Layer, Model, Parameter } from './model.ts';

export interface MlpOptions {
  /** Pixels of an image. */
  readonly inputs: number;
  readonly hidden: readonly number[];
  readonly classes: number;
  readonly activation: ActivationName;
}

/** Layers are named by their place in the nn.Sequential: with an activation between, 0, 2, 4, ... */
export function createMlp({ inputs, hidden, classes, activation }: MlpOptions): Model {
  const widths = [inputs, ...hidden, classes];
  const layers: Layer[] = [];
  const parameters: Parameter[] = [];
  let parameterCount = 0;
  const parameter = (name: string, shape: number[], initBound: number): Parameter => {
    const size = shape.reduce((product, side) => product * side, 1);
    const added = { name, shape, offset: parameterCount, size, initBound };
    parameters.push(added);
    parameterCount += size;
    return added;
  };
  for (let depth = 0; depth + 1 < widths.length; depth++) {
    const [fanIn, fanOut] = [widths[depth], widths[depth + 1]];
    const place = layers.length;
    const bound = 1 / Math.sqrt(fanIn);
    const weight = parameter(`${place}.weight`, [fanOut, fanIn], bound);
    const bias = parameter(`${place}.bias`, [fanOut], bound);
    layers.push({ kind: 'linear', inputs: fanIn, outputs: fanOut, weight, bias });
    const isLast = depth + 2 === widths.length;
    if (!isLast && activation !== 'none') layers.push({ kind: activation, width: fanOut });
  }
  return { inputs, classes, layers, parameters, parameterCount };
}
