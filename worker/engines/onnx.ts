// ONNX Runtime on the processor. Both passes are one ONNX graph, and nothing is packed or unpacked around
// it: its inputs are views of one flat vector of weights, its preallocated outputs of one of gradients.
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Engine, EngineKind, Slice, SliceResult } from '../../shared/contracts.ts';
import {
  gradientGraph,
  gradientName,
  graphNames,
  predictionGraph,
} from '../../shared/model/gradient-graph.ts';
import type { Model } from '../../shared/model/model.ts';
import { type OnnxGraph, writeOnnxModel } from '../../shared/model/onnx-writer.ts';

type OnnxRuntime = typeof import('onnxruntime-node');
type Tensors = Readonly<Record<string, Tensor>>;

const sessionOptions: InferenceSession.SessionOptions = {
  executionProviders: ['cpu'],
  // A machine uses its cores by running a worker on each.
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
};

export const onnx: EngineKind = {
  tolerance: 1e-5,
  create: async (model) => {
    const runtime = await importRuntime();
    const open = (graph: OnnxGraph) =>
      runtime.InferenceSession.create(writeOnnxModel(graph), sessionOptions);
    return new OnnxEngine({
      runtime,
      model,
      gradientSession: await open(gradientGraph(model)),
      predictionSession: await open(predictionGraph(model)),
    });
  },
};

async function importRuntime(): Promise<OnnxRuntime> {
  try {
    return await import('onnxruntime-node');
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
  readonly model: Model;
  readonly gradientSession: InferenceSession;
  readonly predictionSession: InferenceSession;
}

class OnnxEngine implements Engine {
  readonly label = 'onnx:cpu';
  readonly #parts: OnnxEngineParts;
  readonly #weights: Float32Array;
  readonly #gradient: Float32Array;
  readonly #lossSum = new Float32Array(1);
  readonly #correct = new Float32Array(1);
  readonly #parameters: Tensors;
  readonly #outputs: Tensors;

  constructor(parts: OnnxEngineParts) {
    const { runtime, model } = parts;
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

  async gradient({ images, labels }: Slice): Promise<SliceResult> {
    const { gradientSession, runtime } = this.#parts;
    const feeds = {
      ...this.#parameters,
      [graphNames.images]: this.#imagesTensor(images),
      [graphNames.labels]: new runtime.Tensor('uint8', labels, [labels.length]),
    };
    await gradientSession.run(feeds, this.#outputs);
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

  #imagesTensor(images: Uint8Array): Tensor {
    const { model, runtime } = this.#parts;
    return new runtime.Tensor('uint8', images, [images.length / model.inputs, model.inputs]);
  }
}
