// Weights in, evaluation out, one message each.
import { parentPort, workerData } from 'node:worker_threads';
import { evaluate } from '../coordinator/evaluation.ts';
import { modelOf } from '../shared/config.ts';
import { chooseEngine } from '../worker/engines/choose.ts';
import { engineChoices as choices } from '../worker/engines/index.ts';
import { giveWay } from './core-places.ts';
import type { EvaluationReply, EvaluationTask } from './evaluator.ts';

const { config, test, engine: spec } = workerData as EvaluationTask;
const reply = (message: EvaluationReply): void => parentPort?.postMessage(message);

giveWay();
try {
  const { testBatchSize: batchSize, shape } = config;
  const model = modelOf(config);
  const { engine } = await chooseEngine({ spec, choices, model, sliceSize: batchSize });
  parentPort?.on('message', async (weights: Float32Array) => {
    try {
      engine.load(weights);
      const options = { engine, test, classes: shape.classes, batchSize };
      reply({ kind: 'evaluation', evaluation: await evaluate(options) });
    } catch (error) {
      reply({ kind: 'failed', message: (error as Error).message });
    }
  });
  reply({ kind: 'ready' });
} catch (error) {
  reply({ kind: 'failed', message: (error as Error).message });
}
