// Preloaded into a worker: a computer that takes SHARD_MS for each shard, however busy this one is, and ten times
// as long after SIGUSR2. JavaScript, because it is there before whatever reads TypeScript.
import { setTimeout as passed } from 'node:timers/promises';
import { InferenceSession } from 'onnxruntime-node';

let shardMs = Number(process.env.SHARD_MS);
process.on('SIGUSR2', () => {
  shardMs *= 10;
});

const { run } = InferenceSession.prototype;
InferenceSession.prototype.run = async function runSteadily(...words) {
  const doneAt = performance.now() + shardMs;
  // Computing in place ends with an error.
  try {
    return await run.apply(this, words);
  } finally {
    await passed(Math.max(0, doneAt - performance.now()));
  }
};
