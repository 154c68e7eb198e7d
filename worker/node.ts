// A worker in a Node process: what it needs of the machine, handed to the loop that all workers share.
import { openTrainingData } from './data-store.ts';
import { auto, chooseEngine } from './engines/choose.ts';
import { engineChoices, specOf } from './engines/index.ts';
import { newsText } from './news.ts';
import { type NodeConnectionOptions, nodeConnection } from './node-connection.ts';
import { Worker } from './worker.ts';

export interface NodeWorkerOptions extends NodeConnectionOptions {
  /** `auto` or one of `engineSpecs`. */
  readonly engine: string;
  readonly log: (message: string) => void;
  /** Told what was chosen and why, each time that a run begins. */
  readonly onEngine?: (story: string) => void;
}

export function startNodeWorker(options: NodeWorkerOptions): Worker {
  const { engine: spec, log, onEngine } = options;
  const { connect, blocks } = nodeConnection(options, 'node');
  return new Worker({
    connect,
    loadData: (manifest, imageBytes) => openTrainingData({ ...blocks, manifest, imageBytes }),
    createEngine: async (model, sliceSize, wanted) => {
      if (wanted !== undefined && ![auto, wanted].includes(specOf(spec))) {
        throw new Error(
          `the run asks for the engine ${wanted}; start this worker without --engine`,
        );
      }
      const chosen = await chooseEngine({
        spec: wanted ?? spec,
        choices: engineChoices,
        model,
        sliceSize,
      });
      log(chosen.story);
      onEngine?.(chosen.story);
      return chosen;
    },
    now: () => performance.now(),
    onNews: (news) => {
      const text = newsText(news);
      if (text !== undefined) log(text);
    },
  });
}
