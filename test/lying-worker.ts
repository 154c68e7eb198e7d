// A real worker in the test's own process that turns its gradients around, after it has told the truth for a while.
import { openTrainingData } from '../worker/data-store.ts';
import { chooseEngine } from '../worker/engines/choose.ts';
import { engineChoices } from '../worker/engines/index.ts';
import { nodeConnection } from '../worker/node-connection.ts';
import { Worker } from '../worker/worker.ts';
import { type TestScope, temporaryFolder } from './support.ts';

export interface LyingWorkerOptions {
  readonly name?: string;
  readonly engine?: string;
  /** So many of its first shards are true. */
  readonly honestShards?: number;
  /** Told of each of the others. */
  readonly onLie?: () => void;
}

export function startLyingWorker(
  t: TestScope,
  url: string,
  {
    name = 'liar',
    engine: spec = 'reference',
    honestShards = 0,
    onLie = () => undefined,
  }: LyingWorkerOptions = {},
): Worker {
  const cacheDirectory = temporaryFolder(t);
  const { connect, blocks } = nodeConnection({ url, name, cacheDirectory }, 'node');
  let computed = 0;
  const worker = new Worker({
    connect,
    loadData: (manifest, imageBytes) => openTrainingData({ ...blocks, manifest, imageBytes }),
    createEngine: async (model, sliceSize) => {
      const chosen = await chooseEngine({ spec, choices: engineChoices, model, sliceSize });
      const { engine } = chosen;
      return {
        ...chosen,
        engine: {
          label: engine.label,
          load: (weights) => engine.load(weights),
          gradient: async (slice) => {
            const result = await engine.gradient(slice);
            if (++computed <= honestShards) return result;
            for (const at of result.gradient.keys()) result.gradient[at] *= -1;
            onLie();
            return result;
          },
          predict: (images) => engine.predict(images),
          dispose: () => engine.dispose(),
        },
      };
    },
    now: () => performance.now(),
    onNews: () => undefined,
  });
  t.onTestFinished(async () => {
    worker.leave('the test is over');
    await worker.ending;
  });
  return worker;
}
