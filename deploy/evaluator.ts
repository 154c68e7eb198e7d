// The coordinator's evaluation in a thread of its own, so that training does not wait for it.
import type { Evaluation } from '../coordinator/evaluation.ts';
import { modelOf, type RunConfig } from '../shared/config.ts';
import type { Slice } from '../shared/contracts.ts';
import { startEngineThread, type ThreadReply } from './engine-thread.ts';

export interface Evaluator {
  /** One after the other. */
  evaluate(weights: Float32Array): Promise<Evaluation>;
  close(): Promise<void>;
}

export interface EvaluationTask {
  readonly config: RunConfig;
  readonly test: Slice;
  /** `auto` or one of `engineSpecs`. */
  readonly engine: string;
}

interface EvaluatedReply {
  readonly kind: 'evaluation';
  readonly evaluation: Evaluation;
}

export type EvaluationReply = ThreadReply<EvaluatedReply>;

/** Rejects when the engine cannot run here. */
export async function startEvaluator(task: EvaluationTask): Promise<Evaluator> {
  const entry = new URL('./evaluation-thread.js', import.meta.url);
  const thread = await startEngineThread<EvaluatedReply>(entry, task, 'evaluate');
  const { parameterCount } = modelOf(task.config);
  return {
    evaluate: async (weights) => {
      if (weights.length !== parameterCount) throw new RangeError('weights of another network');
      return (await thread.ask(weights)).evaluation;
    },
    close: thread.close,
  };
}
