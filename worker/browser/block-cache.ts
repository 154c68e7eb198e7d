// Blocks of training data in the browser's storage, so that the next visit does not fetch them again.
import { type BlockCache, noCache } from '../data-store.ts';

const cacheName = 'tutti-blocks';

/** Without a secure context there is no such storage: then the browser's own HTTP cache has to do. */
export function createBlockCache(): BlockCache {
  const storage: CacheStorage | undefined = globalThis.caches;
  if (storage === undefined) return noCache;
  return {
    async get(sha256) {
      try {
        const kept = await (await storage.open(cacheName)).match(pathOf(sha256));
        return kept && new Uint8Array(await kept.arrayBuffer());
      } catch {
        return undefined;
      }
    },
    async put(sha256, bytes) {
      try {
        const kept = new Response(bytes as Uint8Array<ArrayBuffer>);
        await (await storage.open(cacheName)).put(pathOf(sha256), kept);
      } catch {
        // The block is in memory already: a full or forbidden storage costs the next visit a download.
      }
    },
  };
}

/** Nothing is fetched from there: it only has to look like an address. */
function pathOf(sha256: string): string {
  return `/blocks/${sha256}`;
}
