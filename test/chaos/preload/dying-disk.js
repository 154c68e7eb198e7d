// Preloaded into a coordinator: it is killed instead of its DIES_AT-th operation on checkpoints, or in the middle of it.
// JavaScript, because it is there before whatever reads TypeScript.
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

let operationsLeft = Number(process.env.DIES_AT);

function countDown() {
  if (--operationsLeft <= 0) process.kill(process.pid, 'SIGKILL');
}

for (const name of ['mkdir', 'writeFile', 'rename', 'rm', 'open']) {
  const perform = fs[name];
  fs[name] = async (path, ...words) => {
    if (!String(path).includes('checkpoints')) return perform(path, ...words);
    countDown();
    const result = await perform(path, ...words);
    if (name === 'open') {
      const { sync } = result;
      result.sync = async () => {
        countDown();
        await sync.call(result);
      };
    }
    return result;
  };
}
syncBuiltinESMExports();
