// TensorFlow.js and its backends, parts of their own: fetched where one of them may be the fastest, or was asked for.
import {
  add,
  concat,
  dispose,
  erf,
  exp,
  matMul,
  mean,
  mul,
  relu,
  reshape,
  rsqrt,
  setBackend,
  sigmoid,
  softmax,
  step,
  sub,
  sum,
  tanh,
  tensor,
  tidy,
} from '@tensorflow/tfjs-core';
import type { Engine } from '../../shared/contracts.ts';
import type { Model } from '../../shared/model/model.ts';
import { TfjsEngine } from '../engines/tfjs/engine.ts';
import type { TensorFlow } from '../engines/tfjs/tensorflow.ts';
import { isSoftware, nameOf } from '../engines/webgpu/device.ts';
import type { Gpu } from '../engines/webgpu/gpu.ts';

/** Rejects where the backend does not start, or finds nothing of the kind that was asked for. */
export async function createTfjsEngine(
  model: Model,
  label: string,
  provider: string,
): Promise<Engine> {
  const isOnWebGpu = provider.startsWith('webgpu');
  if (isOnWebGpu) {
    await checkWebGpu(label, provider === 'webgpu-software');
    await import('@tensorflow/tfjs-backend-webgpu');
  } else {
    await import('@tensorflow/tfjs-backend-webgl');
  }
  const backend = isOnWebGpu ? 'webgpu' : 'webgl';
  if (!(await setBackend(backend))) {
    throw new Error(`engine ${label}: TensorFlow.js cannot start ${backend} here`);
  }
  const operations = {
    tensor,
    matMul,
    add,
    sub,
    mul,
    relu,
    tanh,
    sigmoid,
    erf,
    exp,
    rsqrt,
    step,
    softmax,
    sum,
    mean,
    reshape,
    concat,
    tidy,
    dispose,
  };
  // The library declares more kinds of tensors than an engine uses.
  return new TfjsEngine(operations as unknown as TensorFlow, model, label);
}

/** Of the adapter that TensorFlow.js will take. */
async function checkWebGpu(label: string, onSoftware: boolean): Promise<void> {
  const { gpu } = navigator as { readonly gpu?: Gpu };
  const wanted = { powerPreference: 'high-performance', forceFallbackAdapter: false } as const;
  const adapter = await gpu?.requestAdapter(wanted);
  if (!adapter) {
    throw new Error(
      `engine ${label}: this browser offers no WebGPU here; open the page over https, in a browser that has it`,
    );
  }
  const name = nameOf(adapter.info);
  if (isSoftware(adapter.info) && !onSoftware) {
    throw new Error(
      `engine ${label}: WebGPU finds nothing but ${name}, which is software; use wasm instead`,
    );
  }
  if (onSoftware && !isSoftware(adapter.info)) {
    throw new Error(
      `engine ${label}: WebGPU finds a graphics card, ${name}; use tfjs:webgpu instead`,
    );
  }
}
