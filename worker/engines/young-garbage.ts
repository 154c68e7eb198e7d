// A runtime that allocates a few large buffers at every call makes V8 believe that its whole heap grows: it marks all of
// it, again and again, for buffers that were dropped at once. To look at the young ones now and then is much cheaper.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** So little that V8 has not begun to worry; a collection takes a quarter of a millisecond. */
const bytesBetween = 6 << 20;

/** Call what is returned with the bytes of the buffers that were dropped. */
export function createYoungCollector(): (droppedBytes: number) => void {
  // Node has no other way to ask for one.
  setFlagsFromString('--expose-gc');
  const collect: NonNullable<typeof globalThis.gc> = runInNewContext('gc');
  let dropped = 0;
  return (bytes) => {
    dropped += bytes;
    if (dropped < bytesBetween) return;
    dropped = 0;
    collect({ type: 'minor' });
  };
}
