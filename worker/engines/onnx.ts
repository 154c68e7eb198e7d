// ONNX Runtime on whatever it finds. Both passes are one ONNX graph, and nothing is packed or unpacked around
// it: its inputs are views of one flat vector of weights, its preallocated outputs of one of gradients.
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Engine, EngineKind, Slice, SliceResult } from '../../shared/contracts.ts';
import { fillDropoutMask } from '../../shared/model/dropout.ts';
import {
  gradientGraph,
  graphNames,
  narrowGradientGraph,
  predictionGraph,
} from '../../shared/model/gradient-graph.ts';
import { dropoutMaskName, gradientName } from '../../shared/model/layer-graphs.ts';
import { dropoutsOf, type Model } from '../../shared/model/model.ts';
import { type OnnxGraph, writeOnnxModel } from '../../shared/model/onnx-writer.ts';
import { roomFor, VectorMemory } from '../../shared/vectors/memory.ts';
import { hasGraphicsCard } from './graphics-card.ts';
import {
  type GradientSession,
  openGradientSession,
  openInPlace,
  type Tensors,
} from './onnx/gradient-session.ts';
import { firstLayerOf, type NarrowInputs, NarrowLayer } from './onnx/narrow-layer.ts';

type OnnxRuntime = typeof import('onnxruntime-node');

/** What goes into a session, and where it comes out. */
interface Task {
  readonly feeds: Tensors;
  readonly outputs: Tensors;
}

/** What makes a provider run where it does not. */
const mends: Readonly<Record<string, string>> = {
  cpu: 'reinstall the packages here',
  cuda:
    'it needs an NVIDIA card with CUDA 13 and cuDNN 9 on Linux or Windows, and their libraries for ONNX Runtime: ' +
    'ONNXRUNTIME_NODE_INSTALL=true npm rebuild onnxruntime-node --ignore-scripts=false',
  webgpu: 'it needs a graphics card with a Vulkan, Metal or Direct3D 12 driver',
};

export const onnx: EngineKind = {
  tolerance: 1e-5,
  providers: ['cpu', 'cuda', 'webgpu'],
  create: async (model, provider = 'cpu') => {
    const runtime = await importRuntime();
    if (provider === 'webgpu' && !hasGraphicsCard()) {
      throw new Error(`engine onnx:webgpu: there is no graphics card here; ${mends.webgpu}`);
    }
    const options: InferenceSession.SessionOptions = {
      executionProviders: [provider],
      // A machine uses its cores by running a worker on each.
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      // What goes wrong comes as an error; here it would come twice.
      logSeverityLevel: 4,
    };
    const open = (graph: OnnxGraph) =>
      runtime.InferenceSession.create(writeOnnxModel(graph), options);
    try {
      const engine = new OnnxEngine({
        runtime,
        provider,
        model,
        predictionSession: await open(predictionGraph(model)),
      });
      await engine.open(open);
      return engine;
    } catch (cause) {
      const reason = reasonOf(cause as Error);
      const message = `engine onnx:${provider}: it does not start here (${reason}); ${mends[provider]}`;
      throw new Error(message, { cause });
    }
  },
};

/** Without the place in ONNX Runtime's own sources. */
function reasonOf({ message }: Error): string {
  const [line] = message.split('\n');
  return line.split(' was false. ').at(-1)!;
}

async function importRuntime(): Promise<OnnxRuntime> {
  try {
    const runtime = await import('onnxruntime-node');
    runtime.env.logLevel = 'fatal';
    return runtime;
  } catch (cause) {
    const platform = `${process.platform}-${process.arch}`;
    throw new Error(
      `engine onnx: onnxruntime-node does not load on this machine (${platform}); ` +
        'reinstall the packages here, or choose another engine',
      { cause },
    );
  }
}

/** For sums over shards, and for what is sent: untouched they cost nothing. */
const vectorsOfOthers = 24;

interface OnnxEngineParts {
  readonly runtime: OnnxRuntime;
  readonly provider: string;
  readonly model: Model;
  readonly predictionSession: InferenceSession;
}

class OnnxEngine implements Engine {
  readonly label: string;
  readonly weights: Float32Array;
  readonly memory: VectorMemory;
  readonly #parts: OnnxEngineParts;
  readonly #gradient: Float32Array;
  readonly #lossSum = new Float32Array(1);
  readonly #correct = new Float32Array(1);
  readonly #parameters: Tensors;
  readonly #ownOutputs: Tensors;
  /** By the byte of its memory at which the gradient begins. */
  readonly #outputsAt = new Map<number, Tensors>();
  /** Over fewer inputs, where that is faster. */
  readonly #narrowLayer: NarrowLayer | undefined;
  #narrowSession: GradientSession | undefined;
  #session: GradientSession | undefined;

  constructor(parts: OnnxEngineParts) {
    const { runtime, provider, model } = parts;
    this.label = `onnx:${provider}`;
    this.#parts = parts;
    const { parameterCount } = model;
    const vectorBytes = roomFor(parameterCount * Float32Array.BYTES_PER_ELEMENT);
    const first = firstLayerOf(model);
    const isNarrow = provider === 'cpu' && NarrowLayer.fits(first);
    const narrowBytes = isNarrow ? NarrowLayer.roomFor(first) : 0;
    this.memory = new VectorMemory((2 + vectorsOfOthers) * vectorBytes + narrowBytes);
    this.weights = this.memory.floats(parameterCount);
    this.#gradient = this.memory.floats(parameterCount);
    if (isNarrow) this.#narrowLayer = new NarrowLayer(first, this.memory);
    this.#parameters = Object.fromEntries(
      model.parameters.map(({ name, shape, offset, size }) => {
        const view = this.weights.subarray(offset, offset + size);
        return [name, new runtime.Tensor('float32', view, shape)];
      }),
    );
    this.#ownOutputs = this.#outputsIn(this.#gradient);
  }

  /** Before anything is computed. */
  async open(open: (graph: OnnxGraph) => Promise<InferenceSession>): Promise<void> {
    const { model, provider } = this.#parts;
    const sessionOf = async (graph: OnnxGraph, task: Task): Promise<GradientSession> => {
      const trial = { ...task, filled: this.#lossSum };
      const inPlace = provider === 'cpu' ? await openInPlace(open, graph, trial) : undefined;
      return inPlace ?? openGradientSession(open, graph, this.#gradient.byteLength);
    };
    const slice = { images: new Uint8Array(model.inputs), labels: new Uint8Array(1) };
    this.#session = await sessionOf(gradientGraph(model), this.#taskOf(slice, this.#gradient));
    const layer = this.#narrowLayer;
    if (layer === undefined) return;
    const narrowed = layer.narrow(slice, this.weights, 0)!;
    const task = this.#narrowTaskOf(slice, this.#gradient, narrowed);
    this.#narrowSession = await sessionOf(narrowGradientGraph(model), task);
  }

  load(weights: Float32Array): void {
    if (weights !== this.weights) this.weights.set(weights);
  }

  async gradient(slice: Slice, room?: Float32Array): Promise<SliceResult> {
    const isForUs = this.#session!.isInPlace && room?.buffer === this.#gradient.buffer;
    const gradient = isForUs ? room! : this.#gradient;
    const narrowed = this.#narrowLayer?.narrow(slice, this.weights);
    if (narrowed === undefined) {
      const { feeds, outputs } = this.#taskOf(slice, gradient);
      await this.#session!.run(feeds, outputs);
    } else {
      const { feeds, outputs } = this.#narrowTaskOf(slice, gradient, narrowed);
      await this.#narrowSession!.run(feeds, outputs);
      this.#narrowLayer!.spread(narrowed, gradient);
    }
    return { gradient, lossSum: this.#lossSum[0], correct: this.#correct[0] };
  }

  async predict(images: Uint8Array): Promise<Float32Array> {
    const feeds = { ...this.#parameters, [graphNames.images]: this.#imagesTensor(images) };
    const results = await this.#parts.predictionSession.run(feeds);
    return results[graphNames.logits].data as Float32Array;
  }

  async dispose(): Promise<void> {
    await this.#session?.release();
    await this.#narrowSession?.release();
    await this.#parts.predictionSession.release();
  }

  #taskOf(slice: Slice, gradient: Float32Array): Task {
    return {
      feeds: { ...this.#feedsOf(slice), [graphNames.images]: this.#imagesTensor(slice.images) },
      outputs: this.#outputsFor(gradient),
    };
  }

  /** Of the gradient it has all but that of the first weight, which goes to `narrowed.gradient`. */
  #narrowTaskOf(slice: Slice, gradient: Float32Array, narrowed: NarrowInputs): Task {
    const { runtime, model } = this.#parts;
    const { weight, bias, outputs: units } = firstLayerOf(model);
    const rows = (values: Float32Array, count: number) =>
      new runtime.Tensor('float32', values, [count, narrowed.width]);
    return {
      feeds: {
        ...this.#feedsOf(slice),
        [graphNames.scaledImages]: rows(narrowed.images, slice.labels.length),
        [weight.name]: rows(narrowed.weight, units),
        [bias.name]: new runtime.Tensor('float32', narrowed.bias, [units]),
      },
      outputs: {
        ...this.#outputsFor(gradient),
        [gradientName(weight)]: rows(narrowed.gradient, units),
      },
    };
  }

  /** All but the images. */
  #feedsOf({ labels, noise = 0 }: Slice): Tensors {
    return {
      ...this.#parameters,
      ...this.#dropoutMasks(labels.length, noise),
      [graphNames.labels]: new this.#parts.runtime.Tensor('uint8', labels, [labels.length]),
    };
  }

  #outputsFor(gradient: Float32Array): Tensors {
    if (gradient === this.#gradient) return this.#ownOutputs;
    const known = this.#outputsAt.get(gradient.byteOffset);
    if (known !== undefined) return known;
    const outputs = this.#outputsIn(gradient);
    this.#outputsAt.set(gradient.byteOffset, outputs);
    return outputs;
  }

  #outputsIn(gradient: Float32Array): Tensors {
    const { model, runtime } = this.#parts;
    const gradients = model.parameters.map((parameter) => {
      const { shape, offset, size } = parameter;
      const view = gradient.subarray(offset, offset + size);
      return [gradientName(parameter), new runtime.Tensor('float32', view, shape)];
    });
    return {
      ...Object.fromEntries(gradients),
      [graphNames.lossSum]: new runtime.Tensor('float32', this.#lossSum, []),
      [graphNames.correct]: new runtime.Tensor('float32', this.#correct, []),
    };
  }

  #dropoutMasks(images: number, noise: number): Tensors {
    const { model, runtime } = this.#parts;
    const masks = dropoutsOf(model).map((layer) => {
      const mask = new Float32Array(images * layer.width);
      fillDropoutMask(mask, layer, noise);
      return [dropoutMaskName(layer), new runtime.Tensor('float32', mask, [images, layer.width])];
    });
    return Object.fromEntries(masks);
  }

  #imagesTensor(images: Uint8Array): Tensor {
    const { model, runtime } = this.#parts;
    return new runtime.Tensor('uint8', images, [images.length / model.inputs, model.inputs]);
  }
}
