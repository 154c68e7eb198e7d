// For whoever starts and restarts processes: is this one alive, and does it take workers?
import type { RunView } from '../shared/run-view.ts';
import { answerText, type Route } from './routes.ts';

export const livenessRoute: Route = {
  path: '/livez',
  answer: ({ response }) => answerText(response, 200, 'ok'),
};

/** Nothing listens before data and checkpoint are loaded, and that is not ready, too. */
export function readinessRoute(view: () => RunView): Route {
  return {
    path: '/readyz',
    answer: ({ response }) => {
      const { run, end } = view();
      if (run === undefined) return answerText(response, 503, 'The run is not announced yet.');
      if (end !== undefined) return answerText(response, 503, 'The run is over.');
      answerText(response, 200, 'ok');
    },
  };
}
