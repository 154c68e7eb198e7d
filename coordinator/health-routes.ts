// For whoever starts and restarts processes: is this one alive?
import { answerText, type Route } from './routes.ts';

export const livenessRoute: Route = {
  path: '/livez',
  answer: ({ response }) => answerText(response, 200, 'ok'),
};
