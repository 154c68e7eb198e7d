// TensorFlow.js on WebGL, a part of its own: half a megabyte that is fetched where it may be the fastest.
import '@tensorflow/tfjs-backend-webgl';
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

/** Rejects where WebGL does not start. */
export async function createWebGlEngine(model: Model, label: string): Promise<Engine> {
  if (!(await setBackend('webgl'))) throw new Error('its WebGL backend does not start');
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
