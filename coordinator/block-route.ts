// The training set over HTTP, piece by piece: for workers.
import type { DataManifest } from '../shared/protocol.ts';
import { answerWithBlock } from './block-answer.ts';
import type { DataBlock } from './data-blocks.ts';
import { answerNothing, answerText, type Route } from './routes.ts';

export interface ServedBlocks {
  readonly manifest: DataManifest;
  readonly route: Route;
  /** Bytes of blocks sent so far. */
  bytesOut(): number;
}

export interface BlockSource {
  readonly manifest: DataManifest;
  /** Undefined for what is not in the manifest. Rejects when a block cannot be had at present. */
  get(sha256: string): DataBlock | undefined | Promise<DataBlock | undefined>;
}

export function serveBlocks({ manifest, get }: BlockSource): ServedBlocks {
  let bytesOut = 0;
  const route: Route = {
    path: /\/api\/v1\/data\/([0-9a-f]{64})/,
    door: 'data',
    answer: async ({ request, response, parameters: [sha256] }) => {
      try {
        const block = await get(sha256);
        if (block === undefined) return answerNothing(response);
        bytesOut += await answerWithBlock(request, response, block);
      } catch {
        answerText(response, 503, 'This block of the training data cannot be had at present.');
      }
    },
  };
  return { manifest, route, bytesOut: () => bytesOut };
}
