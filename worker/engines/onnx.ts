// ONNX Runtime on whatever it finds. Both passes are one ONNX graph, and nothing is packed or unpacked around
// it: its inputs are views of one flat vector of weights, its preallocated outputs of one of gradients.
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Engine, EngineKind, Slice, SliceResult } from '../../shared/contracts.ts';
import { fillDropoutMask } from '../../shared/model/dropout.ts';
import { gradientGraph, graphNames, predictionGraph } from '../../shared/model/gradient-graph.ts';
import { dropoutMaskName, gradientName } from '../../shared/model/layer-graphs.ts';
import { dropoutsOf, type Model } from '../../shared/model/model.ts';
import { type OnnxGraph, writeOnnxModel } from '../../shared/model/onnx-writer.ts';
import { roomFor, VectorMemory } from '../../shared/vectors/memory.ts';
import { hasGraphicsCard } from './graphics-card.ts';
import { type FillOutputs, fillerOf, withRefusedOutput } from './onnx-in-place.ts';
import { createYoungCollector } from './young-garbage.ts';

type OnnxRuntime = typeof import('onnxruntime-node');
type Tensors = Readonly<Record<string, Tensor>>;

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
      const graph = gradientGraph(model);
      const engine = new OnnxEngine({
        runtime,
        provider,
        model,
        gradientSession: await open(graph),
        predictionSession: await open(predictionGraph(model)),
      });
      if (provider === 'cpu')
        await engine.computeInPlace(await open(withRefusedOutput(graph, graphNames.lossSum)));
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
  readonly gradientSession: InferenceSession;
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
  readonly #dropped = createYoungCollector();
  readonly #parameters: Tensors;
  readonly #ownOutputs: Tensors;
  /** By the byte of its memory at which the gradient begins. */
  readonly #outputsAt = new Map<number, Tensors>();
  /** In place of the session, where the binding lets us. */
  #inPlace: { readonly session: InferenceSession; readonly fill: FillOutputs } | undefined;

  constructor(parts: OnnxEngineParts) {
    const { runtime, provider, model } = parts;
    this.label = `onnx:${provider}`;
    this.#parts = parts;
    const { parameterCount } = model;
    const vectorBytes = roomFor(parameterCount * Float32Array.BYTES_PER_ELEMENT);
    this.memory = new VectorMemory((2 + vectorsOfOthers) * vectorBytes);
    this.weights = this.memory.floats(parameterCount);
    this.#gradient = this.memory.floats(parameterCount);
    this.#parameters = Object.fromEntries(
      model.parameters.map(({ name, shape, offset, size }) => {
        const view = this.weights.subarray(offset, offset + size);
        return [name, new runtime.Tensor('float32', view, shape)];
      }),
    );
    this.#ownOutputs = this.#outputsIn(this.#gradient);
  }

  load(weights: Float32Array): void {
    if (weights !== this.weights) this.weights.set(weights);
  }

  /** With this session, whose first output is refused, if that goes. */
  async computeInPlace(session: InferenceSession): Promise<void> {
    const { inputs } = this.#parts.model;
    const feeds = this.#feedsOf({ images: new Uint8Array(inputs), labels: new Uint8Array(1) });
    const trial = { feeds, outputs: this.#ownOutputs, filled: this.#lossSum };
    const fill = await fillerOf(session, trial);
    if (fill === undefined) await session.release();
    else this.#inPlace = { session, fill };
  }

  async gradient(slice: Slice, room?: Float32Array): Promise<SliceResult> {
    const feeds = this.#feedsOf(slice);
    let gradient = this.#gradient;
    if (this.#inPlace === undefined) await this.#fillAndDrop(feeds);
    else {
      if (room?.buffer === gradient.buffer) gradient = room;
      await this.#inPlace.fill(feeds, this.#outputsFor(gradient));
    }
    return { gradient, lossSum: this.#lossSum[0], correct: this.#correct[0] };
  }

  async predict(images: Uint8Array): Promise<Float32Array> {
    const feeds = { ...this.#parameters, [graphNames.images]: this.#imagesTensor(images) };
    const results = await this.#parts.predictionSession.run(feeds);
    return results[graphNames.logits].data as Float32Array;
  }

  async dispose(): Promise<void> {
    await this.#inPlace?.session.release();
    await this.#parts.gradientSession.release();
    await this.#parts.predictionSession.release();
  }

  #feedsOf({ images, labels, noise = 0 }: Slice): Tensors {
    const { runtime } = this.#parts;
    return {
      ...this.#parameters,
      ...this.#dropoutMasks(labels.length, noise),
      [graphNames.images]: this.#imagesTensor(images),
      [graphNames.labels]: new runtime.Tensor('uint8', labels, [labels.length]),
    };
  }

  /** It fills the outputs that it is given, and returns copies of them. */
  async #fillAndDrop(feeds: Tensors): Promise<void> {
    await this.#parts.gradientSession.run(feeds, this.#ownOutputs);
    this.#dropped(this.#gradient.byteLength);
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
