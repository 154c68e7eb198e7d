// TensorFlow.js in Node: TensorFlow itself, on an NVIDIA card where the package and the drivers for it are installed.
import type { EngineKind } from '../../shared/contracts.ts';
import { TfjsEngine } from './tfjs/engine.ts';
import { requireNodeTensorFlow } from './tfjs/node-package.ts';

export const tfjs: EngineKind = {
  tolerance: 1e-5,
  providers: ['tensorflow'],
  create: async (model) => {
    const tf = requireNodeTensorFlow();
    // The package for NVIDIA cards computes on the processor, and says nothing, where it finds no card.
    const device = tf.backend().isUsingGpuDevice ? 'gpu' : 'cpu';
    return new TfjsEngine(tf, model, `tfjs:tensorflow (${device})`);
  },
};
