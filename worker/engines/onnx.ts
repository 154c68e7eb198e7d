// ONNX Runtime on whatever it finds. Both passes are one ONNX graph, and nothing is packed or unpacked around
// it: its inputs are views of one flat vector of weights, its preallocated outputs of one of gradients.
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Engine, EngineKind, Slice, SliceResult } from '../../shared/contracts.ts';
import { fillDropoutMask } from '../../shared/model/dropout.ts';
import { gradientGraph, graphNames, predictionGraph } from '../../shared/model/gradient-graph.ts';
import { dropoutMaskName, gradientName } from '../../shared/model/layer-graphs.ts';
import { dropoutsOf, type Model } from '../../shared/model/model.ts';
import { type OnnxGraph, writeOnnxModel } from '../../shared/model/onnx-writer.ts';
import { hasGraphicsCard } from './graphics-card.ts';
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
      return new OnnxEngine({
        runtime,
        provider,
        model,
        gradientSession: await open(gradientGraph(model)),
        predictionSession: await open(predictionGraph(model)),
      });
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

interface OnnxEngineParts {
  readonly runtime: OnnxRuntime;
  readonly provider: string;
  readonly model: Model;
  readonly gradientSession: InferenceSession;
  readonly predictionSession: InferenceSession;
}

class OnnxEngine implements Engine {
  readonly label: string;
  readonly #parts: OnnxEngineParts;
  readonly #weights: Float32Array;
  readonly #gradient: Float32Array;
  readonly #lossSum = new Float32Array(1);
  readonly #correct = new Float32Array(1);
  readonly #dropped = createYoungCollector();
  readonly #parameters: Tensors;
  readonly #outputs: Tensors;

  constructor(parts: OnnxEngineParts) {
    const { runtime, provider, model } = parts;
    this.label = `onnx:${provider}`;
    this.#parts = parts;
    this.#weights = new Float32Array(model.parameterCount);
    this.#gradient = new Float32Array(model.parameterCount);
    this.#parameters = Object.fromEntries(
      model.parameters.map(({ name, shape, offset, size }) => {
        const view = this.#weights.subarray(offset, offset + size);
        return [name, new runtime.Tensor('float32', view, shape)];
      }),
    );
    const gradients = model.parameters.map((parameter) => {
      const { shape, offset, size } = parameter;
      const view = this.#gradient.subarray(offset, offset + size);
      return [gradientName(parameter), new runtime.Tensor('float32', view, shape)];
    });
    this.#outputs = {
      ...Object.fromEntries(gradients),
      [graphNames.lossSum]: new runtime.Tensor('float32', this.#lossSum, []),
      [graphNames.correct]: new runtime.Tensor('float32', this.#correct, []),
    };
  }

  load(weights: Float32Array): void {
    this.#weights.set(weights);
  }

  async gradient({ images, labels, noise = 0 }: Slice): Promise<SliceResult> {
    const { gradientSession, runtime } = this.#parts;
    const feeds = {
      ...this.#parameters,
      ...this.#dropoutMasks(labels.length, noise),
      [graphNames.images]: this.#imagesTensor(images),
      [graphNames.labels]: new runtime.Tensor('uint8', labels, [labels.length]),
    };
    await gradientSession.run(feeds, this.#outputs);
    // It fills the outputs that it is given, and returns copies of them nevertheless.
    this.#dropped(this.#gradient.byteLength);
    return { gradient: this.#gradient, lossSum: this.#lossSum[0], correct: this.#correct[0] };
  }

  async predict(images: Uint8Array): Promise<Float32Array> {
    const feeds = { ...this.#parameters, [graphNames.images]: this.#imagesTensor(images) };
    const results = await this.#parts.predictionSession.run(feeds);
    return results[graphNames.logits].data as Float32Array;
  }

  async dispose(): Promise<void> {
    await this.#parts.gradientSession.release();
    await this.#parts.predictionSession.release();
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
