// The reference network: Linear layers with an activation between them, batch normalization before it, and
// dropout behind it.
import type { ActivationName, Layer, Model, Parameter } from './model.ts';

export interface MlpOptions {
  /** Pixels of an image. */
  readonly inputs: number;
  readonly hidden: readonly number[];
  readonly classes: number;
  readonly activation: ActivationName;
  /** Linear, BatchNorm1d, activation: after every Linear but the last. */
  readonly batchNorm?: boolean;
  /** After each activation: the part of its values that a step leaves out. */
  readonly dropout?: number;
  readonly labelSmoothing?: number;
}

/** Layers are named by their place in the nn.Sequential: with an activation between, 0, 2, 4, ... */
export function createMlp(options: MlpOptions): Model {
  const { inputs, hidden, classes, activation } = options;
  const { batchNorm = false, dropout = 0, labelSmoothing = 0 } = options;
  const widths = [inputs, ...hidden, classes];
  const layers: Layer[] = [];
  const trainable = new Section();
  const buffers = new Section();
  for (let depth = 0; depth + 1 < widths.length; depth++) {
    const [fanIn, fanOut] = [widths[depth], widths[depth + 1]];
    const place = layers.length;
    const uniform = { bound: 1 / Math.sqrt(fanIn) };
    const weight = trainable.add(`${place}.weight`, [fanOut, fanIn], uniform);
    const bias = trainable.add(`${place}.bias`, [fanOut], uniform);
    layers.push({ kind: 'linear', inputs: fanIn, outputs: fanOut, weight, bias });
    const isLast = depth + 2 === widths.length;
    if (!isLast && batchNorm) {
      const vector = (section: Section, name: string, value: number) =>
        section.add(`${place + 1}.${name}`, [fanOut], { value });
      layers.push({
        kind: 'batch-norm',
        width: fanOut,
        weight: vector(trainable, 'weight', 1),
        bias: vector(trainable, 'bias', 0),
        runningMean: vector(buffers, 'running_mean', 0),
        runningVar: vector(buffers, 'running_var', 1),
      });
    }
    if (!isLast && activation !== 'none') layers.push({ kind: activation, width: fanOut });
    if (!isLast && dropout > 0) {
      layers.push({ kind: 'dropout', width: fanOut, rate: dropout, place: layers.length });
    }
  }
  for (const buffer of buffers.parameters) buffer.offset += trainable.size;
  return {
    inputs,
    classes,
    labelSmoothing,
    layers,
    parameters: [...trainable.parameters, ...buffers.parameters],
    parameterCount: trainable.size + buffers.size,
    trainableCount: trainable.size,
  };
}

/** A stretch of the flat vector that grows at its end. */
class Section {
  readonly parameters: (Omit<Parameter, 'offset'> & { offset: number })[] = [];
  size = 0;

  add(name: string, shape: readonly number[], initial: Parameter['initial']): Parameter {
    const size = shape.reduce((product, side) => product * side, 1);
    const added = { name, shape, offset: this.size, size, initial };
    this.parameters.push(added);
    this.size += size;
    return added;
  }
}
