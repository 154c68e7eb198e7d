// The coordinator's evaluation in a thread of its own, so that training does not wait for it.
import { once } from 'node:events';
import { SHARE_ENV, Worker } from 'node:worker_threads';
import type { Evaluation } from '../coordinator/evaluation.ts';
import { modelOf, type RunConfig } from '../shared/config.ts';
import type { Slice } from '../shared/contracts.ts';
import { CliError } from './exit-codes.ts';

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

export type EvaluationReply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'evaluation'; readonly evaluation: Evaluation }
  | { readonly kind: 'failed'; readonly message: string };

/** Rejects when the engine cannot run here. */
export async function startEvaluator(task: EvaluationTask): Promise<Evaluator> {
  const thread = new Worker(new URL('./evaluation-thread.js', import.meta.url), {
    workerData: task,
    // What an engine sets there for its native library would otherwise not reach it.
    env: SHARE_ENV,
  });
  // Training holds the process; the thread must not.
  thread.unref();
  /** Rejects when the thread dies. */
  const reply = async (): Promise<EvaluationReply> => {
    const [message] = await once(thread, 'message');
    return message;
  };
  const ready = await reply();
  if (ready.kind === 'failed') {
    throw new CliError('engine', `The coordinator cannot evaluate: ${ready.message}`, {
      hint: 'Choose another engine: --engine reference runs everywhere, slowly.',
    });
  }
  const { parameterCount } = modelOf(task.config);
  return {
    evaluate: async (weights) => {
      if (weights.length !== parameterCount) throw new RangeError('weights of another network');
      thread.postMessage(weights);
      const answer = await reply();
      if (answer.kind === 'evaluation') return answer.evaluation;
      throw new Error(answer.kind === 'failed' ? answer.message : 'the evaluator starts again');
    },
    close: async () => {
      await thread.terminate();
    },
  };
}
