// For whoever starts and restarts processes: is this one alive, and does it take workers?
import type { RunView } from '../shared/run-view.ts';
import { answerText, type Route } from './routes.ts';

export const livenessPath = '/livez';
export const readinessPath = '/readyz';

export const livenessRoute: Route = {
  path: livenessPath,
  answer: ({ response }) => answerText(response, 200, 'ok'),
};

/** Of a coordinator that has started; before that it says what it is still doing (./starting.ts). */
export function readinessRoute(view: () => RunView): Route {
  return {
    path: readinessPath,
    answer: ({ response }) => {
      const { run, end } = view();
      if (run === undefined) return answerText(response, 503, 'The run is not announced yet.');
      if (end !== undefined) return answerText(response, 503, 'The run is over.');
      answerText(response, 200, 'ok');
    },
  };
}
