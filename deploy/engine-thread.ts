// A thread with an engine of its own, so that training does not wait for what the coordinator itself computes.
import { once } from 'node:events';
import { SHARE_ENV, type Transferable, Worker } from 'node:worker_threads';
import { CliError } from './exit-codes.ts';

/** The first is of kind `ready`, then one comes for each message; `failed` may come in the place of any. */
export type ThreadReply<Answer> =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly message: string }
  | Answer;

export interface EngineThread<Answer> {
  /** One after the other. `transfer` is the thread's from here on. */
  ask(message: unknown, transfer?: readonly Transferable[]): Promise<Answer>;
  close(): Promise<void>;
}

/** Rejects when the engine cannot run here; `verb` says what the coordinator then cannot do. */
export async function startEngineThread<Answer extends { readonly kind: string }>(
  entry: URL,
  workerData: object,
  verb: string,
): Promise<EngineThread<Answer>> {
  const thread = new Worker(entry, {
    workerData,
    // What an engine sets there for its native library would otherwise not reach it.
    env: SHARE_ENV,
  });
  // Training holds the process; the thread must not.
  thread.unref();
  /** Rejects when the thread dies. */
  const reply = async (): Promise<ThreadReply<Answer>> => {
    const [message] = await once(thread, 'message');
    return message;
  };
  const ready = await reply();
  if (ready.kind === 'failed' && 'message' in ready) {
    throw new CliError('engine', `The coordinator cannot ${verb}: ${ready.message}`, {
      hint: 'Choose another engine: --engine reference runs everywhere, slowly.',
    });
  }
  return {
    ask: async (message, transfer = []) => {
      thread.postMessage(message, transfer);
      const answer = await reply();
      if (answer.kind === 'failed' && 'message' in answer) throw new Error(answer.message);
      if (answer.kind === 'ready') throw new Error('the thread starts again');
      return answer as Answer;
    },
    close: async () => {
      await thread.terminate();
    },
  };
}
