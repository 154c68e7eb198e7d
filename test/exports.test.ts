import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { softmax } from '../coordinator/evaluation.ts';
import type { ExportFormat, TrainedNetwork } from '../shared/contracts.ts';
import { exportFormats, exportNames } from '../shared/exports/index.ts';
import { createMlp } from '../shared/model/mlp.ts';
import { activationNames, type Model } from '../shared/model/model.ts';
import { modelToTensors } from '../shared/model/state-dict.ts';
import { activations } from '../worker/engines/activations.ts';
import { randomSlice, randomWeights } from '../worker/engines/prove.ts';
import { reference } from '../worker/engines/reference.ts';

const small = { inputs: 6, hidden: [5, 4], classes: 3, activation: 'relu' } as const;
const models: Record<string, Model> = {
  'ReLUs between': createMlp(small),
  'no activation': createMlp({ ...small, activation: 'none' }),
  'no hidden layer': createMlp({ ...small, hidden: [] }),
  dropout: createMlp({ ...small, dropout: 0.5 }),
  'batch norm and dropout': createMlp({ ...small, batchNorm: true, dropout: 0.25 }),
  ...Object.fromEntries(
    activationNames.map((activation) => [
      `batch norm, activation ${activation}`,
      createMlp({ ...small, activation, batchNorm: true }),
    ]),
  ),
};

function networkOf(model: Model): TrainedNetwork {
  const weights = randomWeights(model, 1);
  return { model, weights, classNames: ['a', 'b', 'größe'], run: '20261122-a' };
}

describe.each(exportNames)('the export as %s', (name) => {
  const { encode }: ExportFormat = exportFormats[name];

  it('is the same each time, and leaves the weights alone', () => {
    const network = networkOf(models['ReLUs between']);
    const first = encode(network);
    expect(network).toEqual(networkOf(models['ReLUs between']));
    expect(encode(network)).toEqual(first);
  });

  it('names the run where one is known', () => {
    const { run, ...nameless } = networkOf(models['ReLUs between']);
    const textOf = (network: TrainedNetwork) => {
      const encoded = encode(network);
      const parts = encoded instanceof Uint8Array ? [encoded] : [...encoded.values()];
      return Buffer.concat(parts).toString('latin1');
    };
    expect(textOf({ ...nameless, run })).toContain(run);
    expect(textOf(nameless)).not.toContain('undefined');
  });
});

describe.each(Object.keys(models))('a network with %s', (modelName) => {
  const network = networkOf(models[modelName]);
  const { model, weights } = network;

  it('as ONNX predicts what the reference predicts, from raw pixels', async () => {
    const { InferenceSession, Tensor } = await import('onnxruntime-node');
    const session = await InferenceSession.create(exportFormats.onnx.encode(network));
    onTestFinished(() => session.release());
    const { images } = randomSlice(model, 9, 2);
    const feeds = { images: new Tensor('uint8', images, [9, model.inputs]) };
    const { logits, probabilities } = await session.run(feeds);
    const expected = await referenceLogits(network, images);
    expect(logits.dims).toEqual([9, model.classes]);
    expectClose(logits.data as Float32Array, expected);
    const rows = Array.from({ length: 9 }, (_, row) => {
      return softmax(expected.subarray(row * model.classes, (row + 1) * model.classes));
    });
    expectClose(probabilities.data as Float32Array, Float32Array.from(rows.flat()));
  });

  it('for TensorFlow.js is a Sequential that its weights fit', async () => {
    const { layers, tensors } = readTfjs(exportFormats.tfjs.encode(network));
    const { images } = randomSlice(model, 3, 2);
    for (let row = 0; row < 3; row++) {
      const pixels = images.subarray(row * model.inputs, (row + 1) * model.inputs);
      const logits = runTfjs(layers, tensors, [...pixels]);
      expectClose(Float32Array.from(logits), await referenceLogits(network, pixels));
    }
  });

  it('for TensorFlow.js has every parameter once, kernels transposed', () => {
    const { tensors, weightBytes } = readTfjs(exportFormats.tfjs.encode(network));
    expect(weightBytes).toBe(4 * model.parameterCount);
    const parameters = modelToTensors(model, weights);
    expect(tensors.size).toBe(parameters.length);
    for (const { name, shape, values } of parameters) {
      const found = tensors.get(tfjsName(model, name))!;
      expect(found.shape).toEqual(shape.toReversed());
      const columns = shape.at(1) ?? 1;
      const back = Array.from(values, (_, i) => {
        return found.values[(i % columns) * shape[0] + Math.floor(i / columns)];
      });
      expect(back).toEqual([...values]);
    }
  });
});

describe('the ONNX file', () => {
  const network = networkOf(models['ReLUs between']);
  let file: ProtoMessage;
  let graph: ProtoMessage;
  beforeAll(() => {
    file = readProto(exportFormats.onnx.encode(network));
    [graph] = submessages(file, 7);
  });

  it('is IR 8 and opset 13, by tutti', () => {
    expect(file.get(1)).toEqual([8]);
    expect(submessages(file, 8)[0].get(2)).toEqual([13]);
    expect(texts(file, 2)).toEqual(['tutti']);
  });

  it('says how to feed it, who trained it, and what the answers are called', () => {
    expect(texts(file, 6)[0]).toContain('raw pixels');
    const metadata = submessages(file, 14).map((entry) => [...texts(entry, 1), ...texts(entry, 2)]);
    expect(Object.fromEntries(metadata)).toEqual({
      run: network.run,
      class_names: '["a","b","größe"]',
    });
    const values = [...submessages(graph, 11), ...submessages(graph, 12)];
    expect(values.map((value) => texts(value, 1)[0])).toEqual([
      'images',
      'logits',
      'probabilities',
    ]);
    for (const value of values) expect(texts(value, 3)[0]).toMatch(/\.$/);
  });

  it('holds the tensors of the state dict, bit by bit', () => {
    const named = submessages(graph, 5).map((tensor) => [texts(tensor, 8)[0], tensor] as const);
    const tensors = new Map(named);
    for (const { name, shape, values } of modelToTensors(network.model, network.weights)) {
      const tensor = tensors.get(name)!;
      expect(tensor.get(1)).toEqual(shape);
      expect(tensor.get(2)).toEqual([1]);
      expect(tensor.get(9)).toEqual([new Uint8Array(Float32Array.from(values).buffer)]);
    }
  });
});

async function referenceLogits(
  { model, weights }: TrainedNetwork,
  images: Uint8Array,
): Promise<Float32Array> {
  const engine = await reference.create(model);
  engine.load(weights);
  return engine.predict(images);
}

function expectClose(values: Float32Array, expected: Float32Array): void {
  expect(values.length).toBe(expected.length);
  const errors = values.map((value, at) => Math.abs(value - expected[at]));
  expect(Math.max(...errors)).toBeLessThan(1e-5);
}

interface TfjsLayer {
  readonly class_name: string;
  readonly config: Readonly<Record<string, unknown>>;
}

interface TfjsTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** As tf.loadLayersModel reads the folder: the values of the manifest's tensors follow one another. */
function readTfjs(files: ReadonlyMap<string, Uint8Array>) {
  expect([...files.keys()]).toEqual(['model.json', 'weights.bin']);
  const { format, modelTopology, weightsManifest } = JSON.parse(
    Buffer.from(files.get('model.json')!).toString(),
  );
  expect(format).toBe('layers-model');
  expect(modelTopology.class_name).toBe('Sequential');
  const [{ paths, weights }] = weightsManifest;
  expect(paths).toEqual(['weights.bin']);
  const bytes = files.get('weights.bin')!;
  const tensors = new Map<string, TfjsTensor>();
  let at = 0;
  for (const { name, shape, dtype } of weights) {
    expect(dtype).toBe('float32');
    const end = at + 4 * shape.reduce((product: number, side: number) => product * side, 1);
    tensors.set(name, { shape, values: new Float32Array(bytes.slice(at, end).buffer) });
    at = end;
  }
  const layers: TfjsLayer[] = modelTopology.config.layers;
  return { layers, tensors, weightBytes: bytes.length };
}

/** `1.running_var` of a batch norm is `batch-norm_1/moving_variance`. */
function tfjsName({ layers }: Model, parameter: string): string {
  const [place, part] = parameter.split('.');
  const { kind } = layers[Number(place)];
  const names: Record<string, string> =
    kind === 'linear' ? { weight: 'kernel', bias: 'bias' } : { weight: 'gamma', bias: 'beta' };
  const running = part.replace('running_var', 'moving_variance').replace('running', 'moving');
  return `${kind}_${place}/${names[part] ?? running}`;
}

/** What the layers of Keras mean, for one image. */
function runTfjs(
  layers: readonly TfjsLayer[],
  tensors: ReadonlyMap<string, TfjsTensor>,
  pixels: readonly number[],
): readonly number[] {
  expect(layers[0].config.batch_input_shape).toEqual([null, pixels.length]);
  let values = pixels;
  for (const { class_name, config } of layers) {
    switch (class_name) {
      case 'Rescaling':
        values = values.map((value) => value * Number(config.scale) + Number(config.offset));
        break;
      case 'Dense': {
        const kernel = tensors.get(`${config.name}/kernel`)!;
        const bias = tensors.get(`${config.name}/bias`)!;
        const [rows, units] = kernel.shape;
        expect([rows, units]).toEqual([values.length, config.units]);
        const input = values;
        values = Array.from(bias.values, (start, unit) => {
          return input.reduce((sum, x, row) => sum + x * kernel.values[row * units + unit], start);
        });
        break;
      }
      case 'BatchNormalization': {
        expect(config.axis).toBe(-1);
        const partOf = (part: string) => tensors.get(`${config.name}/${part}`)!.values;
        const [gamma, beta] = [partOf('gamma'), partOf('beta')];
        const [mean, variance] = [partOf('moving_mean'), partOf('moving_variance')];
        values = values.map((value, at) => {
          const deviation = Math.sqrt(variance[at] + Number(config.epsilon));
          return (gamma[at] * (value - mean[at])) / deviation + beta[at];
        });
        break;
      }
      case 'Activation':
        // Their names in Keras are those of the model here.
        values = values.map(activations[config.activation as keyof typeof activations].value);
        break;
      case 'Dropout':
        expect(config.rate).toBeGreaterThan(0);
        break;
      default:
        expect.unreachable(`a layer of class ${class_name}`);
    }
  }
  return values;
}

/** The values of a protobuf message by field number: varints as numbers, the rest as bytes. */
type ProtoMessage = ReadonlyMap<number, readonly (number | Uint8Array)[]>;

function readProto(bytes: Uint8Array): ProtoMessage {
  const fields = new Map<number, (number | Uint8Array)[]>();
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    let value: number | Uint8Array = varint();
    if (tag % 8 === 2) {
      at += value;
      value = bytes.slice(at - value, at);
    } else expect(tag % 8).toBe(0);
    const field = Math.floor(tag / 8);
    fields.set(field, [...(fields.get(field) ?? []), value]);
  }
  return fields;
}

function submessages(message: ProtoMessage, field: number): ProtoMessage[] {
  return (message.get(field) ?? []).map((bytes) => readProto(bytes as Uint8Array));
}

function texts(message: ProtoMessage, field: number): string[] {
  return (message.get(field) ?? []).map((bytes) => Buffer.from(bytes as Uint8Array).toString());
}
