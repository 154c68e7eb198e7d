// The training set over HTTP, piece by piece.
import type { DataBlocks } from './data-blocks.ts';
import { answerNothing, type Route } from './routes.ts';

export function blockRoute(blocks: DataBlocks): Route {
  return {
    path: /\/api\/v1\/data\/([0-9a-f]{64})/,
    answer: ({ response, parameters: [sha256] }) => {
      const block = blocks.get(sha256);
      if (block === undefined) return answerNothing(response);
      response.writeHead(200, {
        'content-type': 'application/octet-stream',
        'content-length': block.length,
        // The address is the content: it can never change.
        'cache-control': 'public, max-age=31536000, immutable',
      });
      response.end(block);
    },
  };
}
