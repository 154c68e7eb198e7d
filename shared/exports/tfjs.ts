// A LayersModel of TensorFlow.js: a Sequential in JSON, and its weights in a file beside it.
import type { ExportFormat, TrainedNetwork } from '../contracts.ts';
import { epsilon } from '../model/batch-norm.ts';
import type { Layer, Parameter } from '../model/model.ts';
import type { NamedTensor } from '../safetensors.ts';
import { utf8Bytes } from '../utf8.ts';

const weightsFile = 'weights.bin';

/** For tf.loadLayersModel: raw pixels as float32 [batch, inputs] in, logits [batch, classes] out. */
export const tfjs = {
  title: 'TensorFlow.js LayersModel',
  suffix: '-tfjs',
  encode({ model, weights, classNames, run }: TrainedNetwork): ReadonlyMap<string, Uint8Array> {
    const exported = model.layers.map((layer, place) => exportLayer(layer, place, weights));
    const layers = [scalingLayer(model.inputs), ...exported.map(({ layer }) => layer)];
    const tensors = exported.flatMap((each) => each.tensors);
    const content = {
      format: 'layers-model',
      generatedBy: 'tutti',
      modelTopology: { class_name: 'Sequential', config: { name: 'tutti', layers } },
      weightsManifest: [
        {
          paths: [weightsFile],
          weights: tensors.map(({ name, shape }) => ({ name, shape, dtype: 'float32' })),
        },
      ],
      userDefinedMetadata: { run, classNames, output: 'logits' },
    };
    return new Map([
      ['model.json', utf8Bytes(`${JSON.stringify(content, null, 2)}\n`)],
      [weightsFile, joinValues(tensors)],
    ]);
  },
} satisfies ExportFormat;

/** As Keras writes it. */
interface KerasLayer {
  readonly class_name: string;
  readonly config: Readonly<Record<string, unknown>>;
}

/** (x/255 - 0.5)/0.5, so that nobody has to know. */
function scalingLayer(inputs: number): KerasLayer {
  return {
    class_name: 'Rescaling',
    config: { name: 'scaling', batch_input_shape: [null, inputs], scale: 1 / 127.5, offset: -1 },
  };
}

interface ExportedLayer {
  readonly layer: KerasLayer;
  /** Named after their layer, in the order in which Keras adds them. */
  readonly tensors: readonly NamedTensor[];
}

/** Named after its place in the nn.Sequential. */
function exportLayer(layer: Layer, place: number, weights: Float32Array): ExportedLayer {
  const name = `${layer.kind}_${place}`;
  switch (layer.kind) {
    case 'linear': {
      const { inputs, outputs, weight, bias } = layer;
      const config = { name, units: outputs, activation: 'linear', use_bias: true };
      const kernel = transposed(valuesOf(weight, weights), outputs, inputs);
      return {
        layer: { class_name: 'Dense', config },
        tensors: [
          { name: `${name}/kernel`, shape: [inputs, outputs], values: kernel },
          { name: `${name}/bias`, shape: [outputs], values: valuesOf(bias, weights) },
        ],
      };
    }
    case 'batch-norm': {
      const config = { name, axis: -1, epsilon };
      const tensors = Object.entries({
        gamma: layer.weight,
        beta: layer.bias,
        moving_mean: layer.runningMean,
        moving_variance: layer.runningVar,
      }).map(([part, parameter]) => {
        return {
          name: `${name}/${part}`,
          shape: [layer.width],
          values: valuesOf(parameter, weights),
        };
      });
      return { layer: { class_name: 'BatchNormalization', config }, tensors };
    }
    case 'relu':
    case 'tanh':
    case 'sigmoid':
    case 'gelu': {
      const config = { name, activation: layer.kind };
      return { layer: { class_name: 'Activation', config }, tensors: [] };
    }
    case 'dropout': {
      const config = { name, rate: layer.rate };
      return { layer: { class_name: 'Dropout', config }, tensors: [] };
    }
  }
}

function valuesOf({ offset, size }: Parameter, weights: Float32Array): Float32Array {
  return weights.subarray(offset, offset + size);
}

/** Of a matrix that lies row by row. */
function transposed(values: Float32Array, rows: number, columns: number): Float32Array {
  return Float32Array.from(
    values,
    (_, at) => values[(at % rows) * columns + Math.floor(at / rows)],
  );
}

function joinValues(tensors: readonly NamedTensor[]): Uint8Array {
  const joined = new Float32Array(tensors.reduce((sum, { values }) => sum + values.length, 0));
  let at = 0;
  for (const { values } of tensors) {
    joined.set(values, at);
    at += values.length;
  }
  return new Uint8Array(joined.buffer);
}
