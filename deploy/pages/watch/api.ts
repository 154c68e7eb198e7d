// Requests to the coordinator, with the token of the link that the page was opened with.
import { tokenIn } from '../../../shared/join-link.ts';
import { withBearer } from '../../../worker/bearer.ts';

const token = tokenIn(location.hash);
/** Without one, links lead to what they name. */
export const hasToken = token !== undefined;
export const ask = withBearer(token, (input, init) => fetch(input, init));
