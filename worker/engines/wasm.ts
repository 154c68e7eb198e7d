// Our own kernel in WebAssembly SIMD, on one thread. It needs nothing but a runtime that has WebAssembly, so
// it is the engine of tabs, and of any Node for which there is no native one.
import type { Engine, EngineKind, Slice, SliceResult } from '../../shared/contracts.ts';
import type { Model } from '../../shared/model/model.ts';
import { vector } from '../../shared/wasm/instructions.ts';
import { startModule } from '../../shared/wasm/runtime.ts';
import { crossEntropy } from './wasm/cross-entropy.ts';
import { assembleKernel, type KernelModule } from './wasm/kernel.ts';
import { operationOf } from './wasm/operations.ts';
import { divideMemory, type Workspace } from './wasm/workspace.ts';

/** What makes a provider run where it does not. */
const mends: Readonly<Record<string, string>> = {
  simd: 'it needs WebAssembly with SIMD: use a browser of 2023 or later',
  relaxed:
    'it needs WebAssembly with relaxed SIMD: use Node 22 or Chrome 114 or later, or wasm:simd instead',
};

export const wasm: EngineKind = {
  tolerance: 1e-5,
  providers: ['simd', 'relaxed'],
  create: async (model, provider = 'simd') => {
    const isRelaxed = provider === 'relaxed';
    const multiplyAdd = isRelaxed ? vector.relaxedMultiplyAdd : vector.multiplyAdd;
    const kernel = startModule<KernelModule>(assembleKernel(multiplyAdd));
    if (kernel === undefined) {
      throw new Error(`engine wasm:${provider}: it does not start here; ${mends[provider]}`);
    }
    return new WasmEngine(`wasm:${provider}`, model, kernel);
  },
};

/** What (x/255 - 0.5)/0.5 is for each pixel x. */
const scaledPixels = Float32Array.from({ length: 256 }, (_, pixel) => (pixel / 255 - 0.5) / 0.5);

class WasmEngine implements Engine {
  readonly label: string;
  readonly #model: Model;
  readonly #kernel: KernelModule;
  readonly #operations;
  #workspace: Workspace;

  constructor(label: string, model: Model, kernel: KernelModule) {
    this.label = label;
    this.#model = model;
    this.#kernel = kernel;
    this.#operations = model.layers.map(operationOf);
    this.#workspace = divideMemory(kernel, model, this.#operations, 1);
  }

  load(weights: Float32Array): void {
    this.#workspace.weights.set(weights);
  }

  async gradient({ images, labels, noise = 0 }: Slice): Promise<SliceResult> {
    const { gradient, logits, logitSlopes, places } = this.#place(images);
    for (const [depth, place] of places.entries()) this.#operations[depth].forward(place, noise);
    const { lossSum, correct } = crossEntropy(this.#model, { logits, labels, slopes: logitSlopes });
    for (let depth = places.length - 1; depth >= 0; depth--) {
      this.#operations[depth].backward(places[depth]);
    }
    return { gradient, lossSum, correct };
  }

  async predict(images: Uint8Array): Promise<Float32Array> {
    const workspace = this.#place(images);
    for (const [depth, place] of workspace.places.entries()) {
      const operation = this.#operations[depth];
      if (operation.predict) operation.predict(place);
      else operation.forward(place, 0);
    }
    const { classes } = this.#model;
    const rows = new Float32Array(workspace.logits.length);
    workspace.logits.forEach((logit, at) => {
      const [label, image] = [Math.floor(at / workspace.images), at % workspace.images];
      rows[image * classes + label] = logit;
    });
    return rows;
  }

  async dispose(): Promise<void> {}

  /** Returns the workspace with the images in it. */
  #place(images: Uint8Array): Workspace {
    const count = images.length / this.#model.inputs;
    if (count !== this.#workspace.images) {
      this.#workspace = divideMemory(this.#kernel, this.#model, this.#operations, count);
    }
    scaleImages(images, count, this.#workspace.input);
    return this.#workspace;
  }
}

/** From one row an image to one row a pixel. */
function scaleImages(images: Uint8Array, count: number, scaled: Float32Array): void {
  const pixels = images.length / count;
  let from = 0;
  for (let image = 0; image < count; image++) {
    for (let pixel = 0; pixel < pixels; pixel++) {
      scaled[pixel * count + image] = scaledPixels[images[from++]];
    }
  }
}
