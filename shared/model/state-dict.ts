// Between the flat weights of a model and the named tensors of its PyTorch state dict.
import { type NamedTensor, shapeText, type Tensor } from '../safetensors.ts';
import { activationNames, type Model } from './model.ts';

/** A state dict of the model: its parameters by their PyTorch names, as views of `weights`. */
export function modelToTensors(model: Model, weights: Float32Array): NamedTensor[] {
  return model.parameters.map(({ name, shape, offset, size }) => {
    return { name, shape, values: weights.subarray(offset, offset + size) };
  });
}

/**
 * The flat weights of a state dict. Throws an Error with every difference when it is not this
 * model's.
 */
export function tensorsToWeights(model: Model, tensors: ReadonlyMap<string, Tensor>): Float32Array {
  const weights = new Float32Array(model.parameterCount);
  const unexpected = new Set(tensors.keys());
  const differences: string[] = [];
  for (const { name, shape, offset } of model.parameters) {
    unexpected.delete(name);
    // Only a batch norm without a fixed momentum would need it.
    unexpected.delete(name.replace(/running_mean$/, 'num_batches_tracked'));
    const tensor = tensors.get(name);
    if (tensor === undefined) differences.push(`${name} is missing`);
    else if (shapeText(tensor.shape) === shapeText(shape)) weights.set(tensor.values, offset);
    else {
      const [found, wanted] = [shapeText(tensor.shape), shapeText(shape)];
      differences.push(`${name} has shape ${found} instead of ${wanted}`);
    }
  }
  for (const name of unexpected) differences.push(`${name} is unexpected`);
  if (differences.length === 0) return weights;
  throw new Error(
    `the file is for another network: ${differences.join(', ')}. ${describe(tensors)}`,
  );
}

/** A state dict does not say which. */
const someActivation = activationNames.filter((name) => name !== 'none').join('|');

/** The flags of the network that a state dict belongs to, read off its names and shapes. */
function describe(tensors: ReadonlyMap<string, Tensor>): string {
  const layers = [...tensors].flatMap(([name, { shape }]) => {
    const place = /^(\d+)\.weight$/.exec(name)?.[1];
    return place !== undefined && shape.length === 2 ? [{ place: Number(place), shape }] : [];
  });
  layers.sort((a, b) => a.place - b.place);
  const [first, second] = layers;
  if (first === undefined) return 'It does not hold the Linear layers of an nn.Sequential.';
  const widths = layers.map(({ shape }) => shape[0]);
  const classes = widths.pop();
  const hidden = widths.join(',') || '""';
  const hasBatchNorm = [...tensors.keys()].some((name) => name.endsWith('.running_mean'));
  const between = second === undefined ? 0 : second.place - first.place - 1;
  const batchNorm = hasBatchNorm ? ' --batch-norm' : '';
  // Without parameters: an activation, and dropout behind it.
  const silent = between - (hasBatchNorm ? 1 : 0);
  const activation = `--activation ${silent > 0 ? someActivation : 'none'}`;
  const dropout = silent > 1 ? ' --dropout RATE' : '';
  const flags = `--hidden ${hidden}${batchNorm} ${activation}${dropout}`;
  return `It was made with ${flags}, for ${first.shape[1]} pixels and ${classes} classes.`;
}
