// What TensorFlow.js needs beside the contract of all engines. Most of it wants a package that `npm ci` does not
// install: test/tfjs-node/build.sh makes one, and NODE_PATH says where it is.
import { describe, expect, it } from 'vitest';
import { createMlp } from '../shared/model/mlp.ts';
import { initialWeights } from '../shared/model/model.ts';
import { randomSlice } from '../worker/engines/prove.ts';
import { TfjsEngine } from '../worker/engines/tfjs/engine.ts';
import {
  type NodeTensorFlow,
  type Require,
  requireNodeTensorFlow,
} from '../worker/engines/tfjs/node-package.ts';
import { newCluster, quickRun, type TestScope } from './support.ts';

const forCards = '@tensorflow/tfjs-node-gpu';
const forProcessors = '@tensorflow/tfjs-node';

describe('looking for TensorFlow.js', () => {
  it.each([
    ['the package for NVIDIA cards first', [forProcessors, forCards], forCards],
    ['the one for processors where it is alone', [forProcessors], forProcessors],
  ])('takes %s', (_, installed, taken) => {
    const found = requireNodeTensorFlow(requireOf(installed, (name) => name));
    expect(found).toBe(taken);
  });

  it('says what to install where there is none', () => {
    const look = () => requireNodeTensorFlow(requireOf([], String));
    expect(look).toThrow(
      /^engine tfjs: .* not installed here; npm install --no-save --save-prod --ignore-scripts=false @tensorflow\/tfjs-node-gpu /,
    );
  });

  it('names the package that does not load, and why, instead of taking another', () => {
    const cause = new Error('libtensorflow.so.2: cannot open shared object file\nRequire stack:');
    const look = () =>
      requireNodeTensorFlow(
        requireOf([forCards, forProcessors], () => {
          throw cause;
        }),
      );
    expect(look).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(
          /^engine tfjs: @tensorflow\/tfjs-node-gpu does not load .* \(libtensorflow.so.2: cannot open shared object file\); try npm rebuild .*, or choose another engine$/,
        ),
        cause,
      }),
    );
  });
});

const { tf, obstacle } = tensorFlowHere();

describe('engine tfjs', () => {
  it('keeps no tensor of 5,000 steps', async ({ skip }) => {
    if (tf === undefined) return skip(obstacle);
    const model = createMlp({ inputs: 6, hidden: [5, 4], classes: 3, activation: 'relu' });
    const before = tf.memory().numTensors;
    const engine = new TfjsEngine(tf, model, 'tfjs');
    const weights = initialWeights(model, 1);
    const slice = randomSlice(model, 4, 2);
    for (let step = 0; step < 5000; step++) {
      engine.load(weights);
      await engine.gradient(slice);
      await engine.predict(slice.images);
    }
    expect(tf.memory().numTensors).toBe(before + model.parameters.length);
    await engine.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('trains an epoch like another engine', async (t) => {
    if (tf === undefined) return t.skip(obstacle);
    const [found, expected] = [await trainedBy(t, 'tfjs'), await trainedBy(t, 'onnx')];
    expect(found.engine).toMatch(/^tfjs:tensorflow \((gpu|cpu)\)$/);
    expect(found.trainLoss).toBeCloseTo(expected.trainLoss, 4);
    expect(found.testLoss).toBeCloseTo(expected.testLoss, 4);
    expect(found.testAccuracy).toBeGreaterThan(0.5);
  });
});

/** How an epoch went with one worker on this engine. */
async function trainedBy(t: TestScope, spec: string) {
  const { coordinator, addWorker, end } = await newCluster(t, {
    workers: 0,
    flags: [...quickRun, '--epochs=1'],
  });
  addWorker(`--engine=${spec}`);
  const { engine } = await coordinator.waitForEvent('worker', ({ action }) => action === 'ready');
  const { trainLoss, testLoss, testAccuracy } = await coordinator.waitForEvent('epoch');
  await end();
  return { engine, trainLoss, testLoss, testAccuracy };
}

/** A `require` that knows these packages alone. */
function requireOf(installed: readonly string[], load: (name: string) => unknown): Require {
  const resolve = (name: string) => {
    if (installed.includes(name)) return name;
    throw new Error(`Cannot find module '${name}'`);
  };
  return Object.assign((name: string) => load(resolve(name)), { resolve });
}

/** With the count of tensors, which the engine itself does not need. */
type CountingTensorFlow = NodeTensorFlow & { memory(): { readonly numTensors: number } };

function tensorFlowHere(): { tf?: CountingTensorFlow; obstacle?: string } {
  try {
    return { tf: requireNodeTensorFlow() as CountingTensorFlow };
  } catch (error) {
    return { obstacle: (error as Error).message };
  }
}
