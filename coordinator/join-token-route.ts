// The token of the links that a page shows to others.
import type { Route } from './routes.ts';

/** An administrator's own link is not for others, so the page asks for theirs. */
export function joinTokenRoute(token: string | undefined): Route {
  return {
    path: '/api/v1/join-token',
    door: 'work',
    answer: ({ response }) => {
      response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
      response.end(JSON.stringify({ token }));
    },
  };
}
