// The training set over HTTP, piece by piece: for workers.
import type { DataManifest } from '../shared/protocol.ts';
import { answerWithBlock } from './block-answer.ts';
import type { DataBlocks } from './data-blocks.ts';
import { answerNothing, type Route } from './routes.ts';

export interface ServedBlocks {
  readonly manifest: DataManifest;
  readonly route: Route;
  /** Bytes of blocks sent so far. */
  bytesOut(): number;
}

export function serveBlocks({ manifest, get }: DataBlocks): ServedBlocks {
  let bytesOut = 0;
  const route: Route = {
    path: /\/api\/v1\/data\/([0-9a-f]{64})/,
    door: 'data',
    answer: async ({ request, response, parameters: [sha256] }) => {
      const block = get(sha256);
      if (block === undefined) return answerNothing(response);
      bytesOut += await answerWithBlock(request, response, block);
    },
  };
  return { manifest, route, bytesOut: () => bytesOut };
}
